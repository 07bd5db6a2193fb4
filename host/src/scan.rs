//! What a component would cost to compile, from its bytes alone: a scan that takes no longer than
//! to read them.

use std::time::Duration;

use wasmparser::{ComponentInstance, Instance, Parser, Payload};

/// How large a component may be.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    bytes: usize,
    functions: u64,
    function_bytes: usize,
    locals: u64,
}

/// What a component has too much of, and how much is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Excess {
    /// More time to compile allows more of it.
    OfTime(String),
    /// Nothing allows more of it.
    Fixed(String),
}

/// What was counted of a component so far.
#[derive(Default)]
struct Seen {
    functions: u64,
    /// The components and modules around what is read, the innermost last: how much each
    /// instantiates.
    open: Vec<u64>,
    /// The most that instantiating one of the components would bring along that were read.
    largest: u64,
}

/// Looks whether a component can be compiled in about so much time.
///
/// # Errors
///
/// [`Excess`]. That it is no component at all is left for the compiler to say.
pub(crate) fn scan(bytes: &[u8], compile_max: Duration) -> Result<(), Excess> {
    let sizes = Sizes::within(compile_max);
    let size = at_most("the component", bytes.len() as u64, "bytes", sizes.bytes as u64);
    size.map_err(Excess::OfTime)?;
    let mut seen = Seen { open: vec![0], ..Seen::default() };
    for payload in Parser::new(0).parse_all(bytes) {
        let Ok(payload) = payload else { return Ok(()) };
        seen.take(&payload, &sizes)?;
    }
    Ok(())
}

/// How many bytes a component may have that is to compile in this time.
pub(crate) fn bytes_max(compile_max: Duration) -> usize {
    Sizes::within(compile_max).bytes
}

impl Sizes {
    fn within(compile_max: Duration) -> Sizes {
        let seconds = compile_max.as_secs().max(1);
        let times = |number: u64| number.saturating_mul(seconds);
        let size = |number: u64| usize::try_from(times(number)).unwrap_or(usize::MAX);
        Sizes {
            bytes: size(BYTES_A_SECOND),
            functions: times(FUNCTIONS_A_SECOND),
            function_bytes: size(FUNCTION_BYTES_A_SECOND),
            locals: times(LOCALS_A_SECOND),
        }
    }
}

impl Seen {
    fn take(&mut self, payload: &Payload<'_>, sizes: &Sizes) -> Result<(), Excess> {
        self.take_code(payload, sizes).map_err(Excess::OfTime)?;
        self.take_structure(payload).map_err(Excess::Fixed)
    }

    /// What takes time to compile.
    fn take_code(&mut self, payload: &Payload<'_>, sizes: &Sizes) -> Result<(), String> {
        match payload {
            Payload::FunctionSection(functions) => {
                self.functions += u64::from(functions.count());
                at_most("the component", self.functions, "functions", sizes.functions)
            }
            Payload::CodeSectionEntry(body) => {
                let bytes = body.range().len() as u64;
                at_most("a function", bytes, "bytes", sizes.function_bytes as u64)?;
                let groups = body.get_locals_reader().into_iter().flatten().flatten();
                let locals = groups.map(|(count, _)| u64::from(count)).sum();
                at_most("a function", locals, "locals", sizes.locals)
            }
            _ => Ok(()),
        }
    }

    /// What it is made of.
    fn take_structure(&mut self, payload: &Payload<'_>) -> Result<(), String> {
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                self.open.push(0);
                let depth = self.open.len() as u64;
                at_most("the component", depth, "levels of components and modules", DEPTH_MAX)
            }
            Payload::InstanceSection(instances) => {
                let of_modules = instances.clone().into_iter().flatten();
                let made = of_modules.filter(|i| matches!(i, Instance::Instantiate { .. }));
                self.instantiate(made.count() as u64)
            }
            Payload::ComponentInstanceSection(instances) => {
                let of_components = instances.clone().into_iter().flatten();
                let made =
                    of_components.filter(|i| matches!(i, ComponentInstance::Instantiate { .. }));
                // Whichever they are made of: it was read before.
                let each = self.largest.max(1);
                self.instantiate((made.count() as u64).saturating_mul(each))
            }
            Payload::End(_) => {
                let within = self.open.pop().unwrap_or_default();
                self.largest = self.largest.max(within.saturating_add(1));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The component that is read makes so many instances more. It may be instantiated itself, and
    /// each time brings them along.
    fn instantiate(&mut self, instances: u64) -> Result<(), String> {
        let Some(within) = self.open.last_mut() else { return Ok(()) };
        *within = within.saturating_add(instances);
        at_most("the component", *within, "instances of components and modules", INSTANCES_MAX)
    }
}

fn at_most(what: &str, number: u64, of: &str, max: u64) -> Result<(), String> {
    if number > max {
        return Err(format!("{what} has {number} {of}, at most {max} are allowed"));
    }
    Ok(())
}

/// Per second that a component may take to compile. One compiles ten times faster than this, on one
/// core: that it is within them is no promise that it is through in time.
const BYTES_A_SECOND: u64 = 1 << 20;
const FUNCTIONS_A_SECOND: u64 = 1_000;
/// The time that one function takes does not grow with its size, but with the square of it.
const FUNCTION_BYTES_A_SECOND: u64 = 4 << 10;
const LOCALS_A_SECOND: u64 = 100;
const DEPTH_MAX: u64 = 20;
const INSTANCES_MAX: u64 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn scanned(text: &str, compile_max: Duration) -> Result<(), Excess> {
        scan(&wat::parse_str(text).unwrap(), compile_max)
    }

    #[track_caller]
    fn refused(text: &str, said: &str) {
        let what = scanned(text, MINUTE).expect_err(said);
        assert_eq!(what, Excess::OfTime(said.to_owned()));
    }

    #[test]
    fn what_is_built_here_is_well_within() {
        assert_eq!(scan(crate::component::Component::embedded(), MINUTE), Ok(()));
    }

    #[test]
    fn more_functions_than_time_allows_are_refused() {
        let module = |count: usize| {
            let functions = "(func)".repeat(count);
            format!("(component (core module {functions}) (core module (func)))")
        };
        assert_eq!(scanned(&module(59_999), MINUTE), Ok(()));
        refused(&module(60_000), "the component has 60001 functions, at most 60000 are allowed");
        assert_eq!(scanned(&module(60_000), 2 * MINUTE), Ok(()));
    }

    #[test]
    fn a_function_has_a_size() {
        let function = |count: usize, locals: usize| {
            let (body, locals) = ("(drop (i32.const 1))".repeat(count), "i32 ".repeat(locals));
            format!("(component (core module (func (local {locals}) {body})))")
        };
        assert_eq!(scanned(&function(1_000, 6_000), MINUTE), Ok(()));
        let said = "a function has 6001 locals, at most 6000 are allowed";
        refused(&function(1, 6_001), said);
        let said = "a function has 300004 bytes, at most 245760 are allowed";
        refused(&function(100_000, 1), said);
    }

    #[test]
    fn a_component_has_a_size() {
        let bytes = vec![0; (60 << 20) + 1];
        let said = "the component has 62914561 bytes, at most 62914560 are allowed";
        assert_eq!(scan(&bytes, MINUTE), Err(Excess::OfTime(said.to_owned())));
    }

    /// Thirty small components of which each is made of two of the one before.
    #[test]
    fn instances_that_double_are_refused() {
        let doubling = |count: usize| {
            let mut text = "(component (component $c0)".to_owned();
            for n in 1..count {
                let inner = n - 1;
                text += &format!(
                    "(component $c{n} (alias outer 1 $c{inner} (component $i)) \
                     (instance (instantiate $i)) (instance (instantiate $i)))"
                );
            }
            text + ")"
        };
        assert_eq!(scanned(&doubling(10), MINUTE), Ok(()));
        // However long it may take to compile.
        let Err(Excess::Fixed(what)) = scanned(&doubling(30), 60 * MINUTE) else {
            panic!("it has 2^30 instances")
        };
        assert!(what.ends_with("at most 10000 are allowed"), "{what}");
    }

    #[test]
    fn components_within_components_have_a_depth() {
        let nested = |depth: usize| "(component ".repeat(depth) + &")".repeat(depth);
        assert_eq!(scanned(&nested(20), MINUTE), Ok(()));
        let what = "the component has 21 levels of components and modules, at most 20 are allowed";
        let what = Excess::Fixed(what.to_owned());
        assert_eq!(scanned(&nested(21), 60 * MINUTE), Err(what));
    }

    #[test]
    fn what_is_no_component_is_left_to_the_compiler() {
        assert_eq!(scan(b"", MINUTE), Ok(()));
        assert_eq!(scan(&crate::component::Component::embedded()[..1_000], MINUTE), Ok(()));
    }
}
