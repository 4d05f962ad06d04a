//! Worlds with a little less in them.

use exeat::azure::Deployment;
use exeat::azure::Key;
use exeat::azure::RuleId;
use exeat::azure::network::Subnet;
use exeat::azure::policy::Policy;
use exeat::azure::policy::Rules;
use exeat::azure::policy::ThreatIntelMode;

use super::worlds::World;

/// The smallest world that is `wrong` still, found by taking away one thing after the other.
pub(crate) fn smaller(world: &World, wrong: impl Fn(&World) -> bool) -> World {
    let mut smallest = world.clone();
    while let Some(next) = with_less(&smallest).into_iter().find(|world| wrong(world)) {
        smallest = next;
    }
    smallest
}

/// Each world that has one thing less.
fn with_less(world: &World) -> Vec<World> {
    let mut all: Vec<World> =
        deployments(&world.deployment).into_iter().map(|d| world_with(world, d)).collect();
    for index in 0..world.list.permissions.len() {
        let mut less = world.clone();
        less.list.permissions.remove(index);
        all.push(less);
    }
    for index in 0..world.list.denies.len() {
        let mut less = world.clone();
        less.list.denies.remove(index);
        all.push(less);
    }
    all
}

fn world_with(world: &World, deployment: Deployment) -> World {
    World { deployment, ..world.clone() }
}

fn deployments(deployment: &Deployment) -> Vec<Deployment> {
    let mut all: Vec<Deployment> =
        rules(deployment).iter().map(|rule| deployment.with_rule(rule, None)).collect();
    let mut less = |change: &dyn Fn(&mut Deployment)| {
        let mut changed = deployment.clone();
        change(&mut changed);
        if changed != *deployment {
            all.push(changed);
        }
    };
    for (name, table) in &deployment.route_tables {
        for index in 0..table.routes.len() {
            less(&|d| {
                d.route_tables.get_mut(name).map(|table| table.routes.remove(index));
            });
        }
    }
    for (name, group) in &deployment.network_security_groups {
        for index in 0..group.rules.len() {
            less(&|d| {
                d.network_security_groups.get_mut(name).map(|group| group.rules.remove(index));
            });
        }
    }
    for name in deployment.clusters.keys() {
        less(&|d| {
            d.clusters.remove(name);
        });
    }
    for name in deployment.virtual_networks.keys() {
        less(&|d| {
            d.virtual_networks.remove(name);
        });
        for index in 0..deployment.virtual_networks[name].subnets.len() {
            for change in SUBNETS {
                less(&|d| {
                    if let Some(network) = d.virtual_networks.get_mut(name) {
                        change(&mut network.subnets[index]);
                    }
                });
            }
        }
        less(&|d| {
            d.virtual_networks.get_mut(name).into_iter().for_each(|n| n.gateway_routes.clear());
        });
    }
    for (name, policy) in &deployment.policies {
        for change in POLICIES {
            less(&|d| d.policies.get_mut(name).into_iter().for_each(change));
        }
        // A parent that gives nothing goes.
        less(&|d| {
            let is_parent = |one: &Policy| one.base.as_ref() == Some(name);
            let children: Vec<Key> =
                d.policies.iter().filter(|(_, p)| is_parent(p)).map(|(n, _)| n.clone()).collect();
            for child in children {
                d.policies
                    .get_mut(&child)
                    .into_iter()
                    .for_each(|p| p.base.clone_from(&policy.base));
                d.policies.remove(name);
            }
        });
    }
    all
}

const SUBNETS: [fn(&mut Subnet); 5] = [
    |subnet| subnet.network_security_group = None,
    |subnet| subnet.route_table = None,
    |subnet| subnet.service_endpoints.clear(),
    |subnet| subnet.private_endpoints.clear(),
    |subnet| subnet.default_outbound_access = true,
];

const POLICIES: [fn(&mut Policy); 6] = [
    |policy| policy.dns = None,
    |policy| policy.snat = None,
    |policy| policy.allow_sql_redirect = false,
    |policy| policy.explicit_proxy = None,
    |policy| policy.intrusion_detection = None,
    |policy| policy.threat_intel_mode = ThreatIntelMode::Off,
];

/// Every rule.
fn rules(deployment: &Deployment) -> Vec<RuleId> {
    let mut all = Vec::new();
    for (policy, resource) in &deployment.policies {
        for group in &resource.groups {
            for collection in &group.collections {
                let names: Vec<&String> = match &collection.rules {
                    Rules::Application(_, rules) => rules.iter().map(|rule| &rule.name).collect(),
                    Rules::Network(_, rules) => rules.iter().map(|rule| &rule.name).collect(),
                    Rules::Nat(rules) => rules.iter().map(|rule| &rule.name).collect(),
                };
                all.extend(names.into_iter().map(|rule| RuleId {
                    policy: policy.clone(),
                    group: group.name.clone(),
                    collection: collection.name.clone(),
                    rule: rule.clone(),
                }));
            }
        }
    }
    all
}
