//! Firewall policies.

use serde_json::Value;

use super::Object;
use super::UnknownValue;
use super::group::addresses;
use super::literal;
use crate::azure::key::Key;
use crate::azure::policy::DnsSettings;
use crate::azure::policy::ExplicitProxy;
use crate::azure::policy::IntrusionBypass;
use crate::azure::policy::IntrusionDetection;
use crate::azure::policy::Policy;
use crate::azure::policy::PrivateRange;
use crate::azure::policy::SnatSettings;

/// The `properties` of a firewall policy (`azure-firewall.md §7.1`). `base_id` is the ARM id of its
/// parent, or an expression for it; `ip_group_id` gives that of an IP group.
///
/// # Errors
/// An address that is not known.
pub fn policy_properties(
    policy: &Policy,
    base_id: Option<String>,
    ip_group_id: impl Fn(&Key) -> String,
) -> Result<Value, UnknownValue> {
    let allowlist = &policy.threat_intel_allowlist;
    let has_allowlist = !(allowlist.addresses.is_empty() && allowlist.fqdns.is_empty());
    let allowlist = Object::new()
        .with_list("ipAddresses", addresses(&allowlist.addresses)?)
        .with_texts("fqdns", &allowlist.fqdns);
    let authority = policy.certificate_authority.as_ref().map(|authority| {
        let authority = Object::new()
            .with_text("name", &authority.name)
            .with_text("keyVaultSecretId", &authority.key_vault_secret_id);
        Object::new().with("certificateAuthority", authority)
    });
    let redirect = policy.allow_sql_redirect.then(|| Object::new().with("allowSqlRedirect", true));
    let intrusion = policy.intrusion_detection.as_ref();
    Ok(Object::new()
        .with("sku", Object::new().with("tier", policy.tier.keyword()))
        .with_some("basePolicy", base_id.map(|id| Object::new().with("id", id)))
        .with("threatIntelMode", policy.threat_intel_mode.keyword())
        .with_some("threatIntelWhitelist", has_allowlist.then_some(allowlist))
        .with_some("dnsSettings", policy.dns.as_ref().map(dns))
        .with_some("snat", policy.snat.as_ref().map(snat))
        .with_some("sql", redirect)
        .with_some("explicitProxy", policy.explicit_proxy.as_ref().map(explicit_proxy))
        .with_some("intrusionDetection", intrusion.map(|each| detection(each, &ip_group_id)))
        .with_some("transportSecurity", authority)
        .into())
}

fn dns(dns: &DnsSettings) -> Object {
    Object::new()
        .with_texts("servers", &dns.servers)
        .with_some("enableProxy", dns.enable_proxy)
        .with_some("requireProxyForNetworkRules", dns.require_proxy_for_network_rules)
}

fn snat(snat: &SnatSettings) -> Object {
    let ranges = snat.private_ranges.iter().map(|range| match range {
        PrivateRange::Iana => Value::from("IANAPrivateRanges"),
        PrivateRange::Prefix(prefix) => Value::from(prefix.to_string()),
    });
    let auto_learn = if snat.auto_learn { "Enabled" } else { "Disabled" };
    Object::new()
        .with_list("privateRanges", ranges.collect())
        .with("autoLearnPrivateRanges", auto_learn)
}

fn explicit_proxy(proxy: &ExplicitProxy) -> Object {
    Object::new()
        .with("enableExplicitProxy", proxy.enabled)
        .with_some("httpPort", proxy.http_port)
        .with_some("httpsPort", proxy.https_port)
        .with("enablePacFile", proxy.enable_pac_file)
        .with_some("pacFilePort", proxy.pac_file_port)
        .with_some("pacFile", proxy.pac_file.as_deref().map(literal))
}

fn detection(intrusion: &IntrusionDetection, ip_group_id: &impl Fn(&Key) -> String) -> Object {
    let overrides = intrusion.signature_overrides.iter().map(|signature| {
        Object::new().with_text("id", &signature.id).with("mode", signature.mode.keyword()).into()
    });
    let bypass = intrusion.bypass.iter().map(|each| bypass(each, ip_group_id).into());
    let configuration = Object::new()
        .with_list("signatureOverrides", overrides.collect())
        .with_list("bypassTrafficSettings", bypass.collect())
        .with_texts("privateRanges", &intrusion.private_ranges);
    Object::new()
        .with("mode", intrusion.mode.keyword())
        .with_some("profile", intrusion.profile.as_deref().map(literal))
        .with("configuration", configuration)
}

fn bypass(bypass: &IntrusionBypass, ip_group_id: &impl Fn(&Key) -> String) -> Object {
    let ids = |groups: &[Key]| groups.iter().map(|group| ip_group_id(group).into()).collect();
    Object::new()
        .with_text("name", &bypass.name)
        .with_text("protocol", &bypass.protocol)
        .with_texts("sourceAddresses", &bypass.source_addresses)
        .with_list("sourceIpGroups", ids(&bypass.source_ip_groups))
        .with_texts("destinationAddresses", &bypass.destination_addresses)
        .with_list("destinationIpGroups", ids(&bypass.destination_ip_groups))
        .with_texts("destinationPorts", &bypass.destination_ports)
}
