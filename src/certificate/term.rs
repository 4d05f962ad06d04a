//! Formulas as SMT-LIB 2 writes them (version 2.6, §3.6).

use std::fmt;

/// A formula.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Term(String);

impl Term {
    /// A formula that is written so.
    pub(super) fn written(text: impl Into<String>) -> Term {
        Term(text.into())
    }

    /// What is always so.
    pub(super) fn always() -> Term {
        Term::written("true")
    }

    /// What is never so.
    pub(super) fn never() -> Term {
        Term::written("false")
    }

    fn is(&self, word: &str) -> bool {
        self.0 == word
    }

    /// All of `parts` hold.
    pub(super) fn all(parts: impl IntoIterator<Item = Term>) -> Term {
        Term::joined("and", parts, "true", "false")
    }

    /// One of `parts` holds.
    pub(super) fn any(parts: impl IntoIterator<Item = Term>) -> Term {
        Term::joined("or", parts, "false", "true")
    }

    /// `parts` under `operator`, of which `neutral` changes nothing and `decisive` decides.
    fn joined(
        operator: &str,
        parts: impl IntoIterator<Item = Term>,
        neutral: &str,
        decisive: &str,
    ) -> Term {
        let parts: Vec<Term> = parts.into_iter().filter(|part| !part.is(neutral)).collect();
        if parts.iter().any(|part| part.is(decisive)) {
            return Term::written(decisive);
        }
        match parts.as_slice() {
            [] => Term::written(neutral),
            [one] => one.clone(),
            several => {
                let several: Vec<&str> = several.iter().map(|part| part.0.as_str()).collect();
                Term(format!("({operator} {})", several.join(" ")))
            }
        }
    }

    /// `part` does not hold.
    pub(super) fn not(part: &Term) -> Term {
        match part.0.as_str() {
            "true" => Term::never(),
            "false" => Term::always(),
            text => Term(format!("(not {text})")),
        }
    }

    /// `first` where `condition` holds, else `second`.
    pub(super) fn choose(condition: &Term, first: &Term, second: &Term) -> Term {
        Term(format!("(ite {condition} {first} {second})"))
    }

    /// The bit vector `name` has this value, of `bits` bits.
    pub(super) fn equals(name: &str, value: u128, bits: usize) -> Term {
        Term(format!("(= {name} {})", constant(value, bits)))
    }

    /// The bit vector `name` lies between these values, both of them included.
    pub(super) fn between(name: &str, first: u128, last: u128, bits: usize) -> Term {
        if first == last {
            return Term::equals(name, first, bits);
        }
        let greatest = u128::MAX >> (128 - bits.clamp(1, 128));
        let from = (first > 0).then(|| Term(format!("(bvule {} {name})", constant(first, bits))));
        let to =
            (last < greatest).then(|| Term(format!("(bvule {name} {})", constant(last, bits))));
        Term::all(from.into_iter().chain(to))
    }
}

/// A value of so many bits.
pub(super) fn constant(value: u128, bits: usize) -> String {
    if bits.is_multiple_of(4) {
        format!("#x{value:0width$x}", width = bits / 4)
    } else {
        format!("#b{value:0bits$b}")
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_decides_nothing_is_left_out() {
        let a = Term::written("a");
        assert_eq!(Term::all([Term::always(), a.clone()]), a);
        assert_eq!(Term::any([a.clone(), Term::always()]), Term::always());
        assert_eq!(Term::all([]).to_string(), "true");
        assert_eq!(Term::any([a.clone(), Term::not(&a)]).to_string(), "(or a (not a))");
    }

    #[test]
    fn a_range_names_its_ends_where_they_say_something() {
        let port = |first, last| Term::between("port", first, last, 16).to_string();
        assert_eq!(port(0, 0xffff), "true");
        assert_eq!(port(80, 80), "(= port #x0050)");
        assert_eq!(port(80, 0xffff), "(bvule #x0050 port)");
        assert_eq!(port(80, 90), "(and (bvule #x0050 port) (bvule port #x005a))");
        assert_eq!(constant(5, 3), "#b101");
    }
}
