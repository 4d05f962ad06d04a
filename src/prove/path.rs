//! Paths of URLs as sets of request targets (`azure-firewall.md §2.4`).

use super::encoder::Encoder;
use super::formula::Formula;
use crate::flow::set::flows::AxisSet;
use crate::simulate::assumptions::URL_HOST_ONLY_COVERS_PATHS;

/// The path of a URL pattern fits the target of the request, of a flow that has one.
pub(super) fn path_fits(encoder: &mut Encoder<'_>, pattern: &str) -> Formula {
    match (pattern, pattern.strip_suffix('*')) {
        ("", _) => {
            let root = is_one_of(encoder, &["/"]);
            let others = encoder.second_reading(URL_HOST_ONLY_COVERS_PATHS);
            encoder.any([root, others])
        }
        ("/", _) => is_one_of(encoder, &["/"]),
        // A target that begins so is cut off behind it.
        (_, Some(prefix)) if is_path(prefix) => {
            encoder.formulas.lies_in(AxisSet::paths_under([prefix]))
        }
        (_, Some(_)) => Formula::NEVER,
        (_, None) => {
            let bare = pattern.strip_suffix('/').unwrap_or(pattern);
            let with_slash = format!("{bare}/");
            if bare.ends_with('/') {
                // One slash is ignored, and of this path another is left.
                is_one_of(encoder, &[&with_slash])
            } else {
                is_one_of(encoder, &[bare, &with_slash])
            }
        }
    }
}

/// The target is one of these paths, with or without a query or fragment.
fn is_one_of(encoder: &mut Encoder<'_>, paths: &[&str]) -> Formula {
    let paths = paths.iter().copied().filter(|path| is_path(path));
    let ends = |path: &str| [format!("{path}?"), format!("{path}#")];
    let longer: Vec<String> = paths.clone().flat_map(ends).collect();
    let bare = encoder.formulas.lies_in(AxisSet::paths(paths));
    let longer = encoder.formulas.lies_in(AxisSet::paths_under(longer.iter().map(String::as_str)));
    encoder.any([bare, longer])
}

/// Whether a target can have this path, or begin with it: queries and fragments are no part of it.
fn is_path(text: &str) -> bool {
    !text.contains(['?', '#'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::azure::Deployment;
    use crate::evidence::Evidence;
    use crate::flow::Flow;
    use crate::flow::IpProtocol;
    use crate::flow::Payload;
    use crate::flow::Request;
    use crate::flow::set::flows::FlowSet;
    use crate::prove::atom::FlowAtom;
    use crate::prove::encoder::Known;
    use crate::simulate::Assumptions;
    use crate::simulate::matching::PathFit;
    use crate::simulate::matching::fit_path;

    fn requests_that_fit(pattern: &str) -> FlowSet<FlowAtom> {
        let (deployment, evidence) = (Deployment::default(), Evidence::default());
        let mut assumptions = Assumptions::default();
        assumptions.set("url_host_only_covers_paths=both").unwrap();
        let known = Known { evidence: &evidence, assumptions: &assumptions };
        let mut encoder = Encoder::new(&deployment, known);
        let root = path_fits(&mut encoder, pattern);
        encoder
            .formulas
            .cuts(&[root])
            .with_algebra(100_000, |mut algebra| {
                let sets = encoder.formulas.sets(&[root], &mut algebra).unwrap();
                algebra.freeze(sets[0]).unwrap()
            })
            .unwrap()
    }

    fn request_for(target: &str) -> Flow {
        Flow {
            source: "10.1.8.4".parse().unwrap(),
            source_port: 50_000,
            destination: "203.0.113.7".parse().unwrap(),
            destination_port: 80,
            protocol: IpProtocol::TCP,
            payload: Payload::Http(Request { host: None, port: None, path: target.to_owned() }),
        }
    }

    proptest! {
        #[test]
        fn a_target_is_in_the_set_exactly_if_its_path_fits(
            pattern in "(/[a?/]{0,3}[*]?)?|[*]",
            target in "/[ab?#/]{0,5}",
        ) {
            let set = requests_that_fit(&pattern);
            let flow = request_for(&target);
            let (first, second) = match fit_path(&pattern, &target) {
                PathFit::Yes => (true, true),
                PathFit::No => (false, false),
                PathFit::HostOnly => (false, true),
            };
            prop_assert_eq!(set.contains(&flow, |_| false), first, "{} {}", pattern, target);
            prop_assert_eq!(set.contains(&flow, |_| true), second, "{} {}", pattern, target);
        }
    }
}
