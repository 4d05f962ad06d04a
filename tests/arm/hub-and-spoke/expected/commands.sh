#!/bin/sh
# The steps of deploy-order.json. Run it in this folder; it stops where one fails.
set -eu

# 1. Deploy IP groups, policies and their rule collection groups
az deployment group create --subscription 11111111-1111-1111-1111-111111111111 --resource-group rg-hub --name exeat-policy --mode Incremental --template-file 11111111-1111-1111-1111-111111111111/rg-hub/policy.json

# 2. Make the firewall `fw-hub` enforce the policy `fwp-egress`
az network firewall update --subscription 11111111-1111-1111-1111-111111111111 --resource-group rg-net --name fw-hub --firewall-policy /subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-hub/providers/Microsoft.Network/firewallPolicies/fwp-egress

# 3. Deploy route tables
az deployment group create --subscription 22222222-2222-2222-2222-222222222222 --resource-group rg-spoke --name exeat-routes --mode Incremental --template-file 22222222-2222-2222-2222-222222222222/rg-spoke/routes.json

# 4. Deploy virtual networks with their subnets
az deployment group create --subscription 22222222-2222-2222-2222-222222222222 --resource-group rg-spoke --name exeat-network --mode Incremental --template-file 22222222-2222-2222-2222-222222222222/rg-spoke/network.json

# 5. Deploy peerings of virtual networks
az deployment group create --subscription 22222222-2222-2222-2222-222222222222 --resource-group rg-spoke --name exeat-peerings --mode Incremental --template-file 22222222-2222-2222-2222-222222222222/rg-spoke/peerings.json

# 6. Route the subnet `vnet-old/snet-old` by `rt-spoke`
az network vnet subnet update --subscription 22222222-2222-2222-2222-222222222222 --resource-group rg-old --vnet-name vnet-old --name snet-old --route-table /subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/rg-spoke/providers/Microsoft.Network/routeTables/rt-spoke
