//! Whom a component may connect to: what it asks for, and what the flow lists.

use crate::cut;
use spillway::problem::Problem;

/// The embedded component may talk to whom its configuration names. Another one may be lying about
/// that, so the flow must say it.
pub(super) fn granted(
    is_embedded: bool,
    wanted: Vec<String>,
    allowed: Option<Vec<String>>,
    problems: &mut Vec<Problem>,
) -> Vec<String> {
    let mut problem = |message| problems.push(Problem::new("sink.egress", message));
    let Some(allowed) = allowed else {
        if !is_embedded {
            problem(required(&wanted));
        }
        return wanted;
    };
    for authority in allowed.iter().filter(|a| !is_authority(a)) {
        problem(format!("`{authority}` is not an authority such as `s3.example.com:443`"));
    }
    let missing: Vec<_> = wanted.iter().filter(|w| !allowed.contains(w)).cloned().collect();
    if !missing.is_empty() {
        let (list, are) =
            (listed(&missing, |name| name), if missing.len() > 1 { "are" } else { "is" });
        problem(format!("the component needs {list}, which {are} not listed in `egress`"));
    }
    wanted
}

/// Authorities in a message, each as `shown`. They are a component's words: there may be many, and
/// long ones.
pub(crate) fn listed(names: &[String], shown: impl Fn(String) -> String) -> String {
    if names.is_empty() {
        return "nothing".to_owned();
    }
    let cut = |name: &String| cut::text(name, AUTHORITY_CHARS_MAX).into_owned();
    cut::list(names.iter().map(|name| shown(cut(name))), SHOWN_MAX)
}

/// What to write, where the flow has no list.
fn required(wanted: &[String]) -> String {
    let quoted = listed(wanted, |name| format!("\"{name}\""));
    let remedy = match wanted.len() {
        0 => "it asks for nothing: write egress = []".to_owned(),
        1..=SHOWN_MAX => format!("to allow what it asks for, write: egress = [{quoted}]"),
        _ => format!("it asks for {quoted}: write those that it may reach into egress = […]"),
    };
    format!(
        "the component is not the built-in one, so [sink] must list what it may connect to; \
         {remedy}"
    )
}

/// Whether it is a host and a port, and nothing else.
fn is_authority(text: &str) -> bool {
    let parsed = text.parse::<http::uri::Authority>();
    parsed.is_ok_and(|authority| authority.port_u16().is_some() && !text.contains('@'))
}

/// A flow seldom needs more than one or two.
const SHOWN_MAX: usize = 10;
/// The longest name of a host, a colon and a port, after RFC 1035, 2.3.4.
const AUTHORITY_CHARS_MAX: usize = 253 + 1 + 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn said(wanted: &[String], allowed: Option<&[&str]>) -> Vec<String> {
        let allowed = allowed.map(|names| names.iter().map(|&name| name.to_owned()).collect());
        let mut problems = Vec::new();
        assert_eq!(granted(false, wanted.to_vec(), allowed, &mut problems), wanted);
        assert!(problems.iter().all(|problem| problem.field == "sink.egress"));
        problems.into_iter().map(|problem| problem.message).collect()
    }

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("s{n}:443")).collect()
    }

    #[test]
    fn what_to_write_is_said_once() {
        const BEGIN: &str = "the component is not the built-in one, so [sink] must list what it \
                             may connect to; ";
        for (count, remedy) in [
            (0, "it asks for nothing: write egress = []"),
            (1, "to allow what it asks for, write: egress = [\"s0:443\"]"),
            (2, "to allow what it asks for, write: egress = [\"s0:443\", \"s1:443\"]"),
        ] {
            assert_eq!(said(&names(count), None), [format!("{BEGIN}{remedy}")]);
        }
        let many = said(&names(100), None).concat();
        let end = "\"s9:443\" and 90 more: write those that it may reach into egress = […]";
        assert!(many.ends_with(end), "{many}");
        assert_eq!(said(&[], Some(&[])), [""; 0]);
    }

    #[test]
    fn what_is_not_listed_is_one_problem() {
        let missing = ["the component needs s1:443, which is not listed in `egress`"];
        assert_eq!(said(&names(2), Some(&["s0:443"])), missing);
        let missing = ["the component needs s1:443, s2:443, which are not listed in `egress`"];
        assert_eq!(said(&names(3), Some(&["s0:443"])), missing);
    }

    /// As many as the contract allows, and as long.
    #[test]
    fn no_list_fills_the_screen() {
        let wanted = vec!["é".repeat(2_048); 100];
        for allowed in [None, Some(&[][..])] {
            let said = said(&wanted, allowed).concat();
            assert!(said.chars().count() < 3_000, "{} characters", said.chars().count());
        }
    }
}
