#!/bin/sh
# The steps of deploy-order.json. Run it in this folder; it stops where one fails.
set -eu
: "${SUBSCRIPTION:=$(az account show --query id --output tsv)}"

# 1. Deploy IP groups, policies and their rule collection groups
az deployment group create --resource-group rg-platform --name exeat-policy --mode Incremental --template-file rg-platform/policy.json

# 2. Deploy IP groups, policies and their rule collection groups
az deployment group create --resource-group rg-teams --name exeat-policy --mode Incremental --template-file rg-teams/policy.json

# 3. Make the firewall `fw` enforce the policy `fwp-a-team`
az network firewall update --resource-group rg-platform --name fw --firewall-policy /subscriptions/"$SUBSCRIPTION"/resourceGroups/rg-teams/providers/Microsoft.Network/firewallPolicies/fwp-a-team
