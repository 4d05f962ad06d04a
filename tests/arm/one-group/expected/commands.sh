#!/bin/sh
# The steps of deploy-order.json. Run it in this folder; it stops where one fails.
set -eu
: "${RESOURCE_GROUP:?set it to the resource group to deploy to}"

# 1. Deploy IP groups, policies and their rule collection groups
az deployment group create --resource-group "$RESOURCE_GROUP" --name exeat-policy --mode Incremental --template-file policy.json
