//! jq expressions, by way of the `jaq` crates.

use std::fmt;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use jaq_core::load::{self, Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Filter, Native, Vars, native};

use super::about::{About, Variables};
use super::budget::{Budget, Budgeted, Exhausted, Steps};
use super::nesting::DEPTH_MAX;
use super::scan::scan;

/// A document as an expression sees it.
pub(super) type Value = jaq_json::Val;

/// An expression, compiled. It sees the event, where its line lies, the clock and the name of the
/// host, but not the environment, the content of files or other events.
pub(super) struct Jq {
    text: String,
    filter: Filter<Budgeted>,
    variables: Variables,
    /// How much of its thread's stack an evaluation may use.
    pub(super) stack_bytes_max: usize,
}

/// What an expression gives for a document of which it is to make one value.
pub(super) enum Output {
    /// No value.
    None,
    /// One value.
    One(Value),
    /// More than one value.
    Many,
    /// An error instead, with this message.
    Failed(String),
}

/// The inputs of an evaluation beside its document.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) steps: &'a Steps,
    pub(super) about: &'a About<'a>,
}

impl Jq {
    /// Compiles an expression, or says what is wrong with it and where.
    pub(super) fn compile(text: &str) -> Result<Jq, String> {
        let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        let functions = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
        // The environment holds secrets, and what an expression makes leaves the house. The time is
        // that of the line.
        let functions = functions.filter(|(name, ..)| !["env", "now"].contains(name));
        let now = Native::<Budgeted>::new(|(context, _)| {
            Box::new(std::iter::once(Ok(Value::from(context.data().now()))))
        });
        let functions = functions.chain([("now", native::v(0), now)]);
        let arena = Arena::default();
        let modules =
            Loader::new(definitions).load(&arena, File { code: text, path: () }).map_err(
                |errors| first(errors.into_iter().map(|(_, error)| load_error(text, error))),
            )?;
        let variables = Variables::of(text)?;
        let filter = Compiler::default()
            .with_funs(functions)
            .with_global_vars(variables.names())
            .compile(modules)
            .map_err(|errors| first(errors.into_iter().map(|(_, error)| undefined(text, error))))?;
        let (text, stack_bytes_max) = (text.to_owned(), STACK_BYTES_MAX_DEFAULT);
        Ok(Jq { text, filter, variables, stack_bytes_max })
    }

    /// Whether it asks where the line lies.
    pub(super) fn asks_for_place(&self) -> bool {
        self.variables.are_of_place()
    }

    /// Gives each output for `document` to `each`, in their order, until that wants no more. It may
    /// take some steps and some stack.
    ///
    /// # Errors
    ///
    /// What the expression fails with, which may be that it wants more than that. The outputs
    /// before were given.
    pub(super) fn outputs(
        &self,
        document: &Value,
        around: Around<'_>,
        each: impl FnMut(Value) -> ControlFlow<()>,
    ) -> Result<(), String> {
        // What was being evaluated is gone, and nothing else has seen it.
        match catch_unwind(AssertUnwindSafe(|| self.evaluate(document, around, each))) {
            Ok(evaluated) => evaluated,
            Err(panic) => match panic.downcast::<Exhausted>() {
                Ok(exhausted) => Err(exhausted.to_string()),
                Err(panic) => resume_unwind(panic),
            },
        }
    }

    /// What the expression gives for `document`, of which it is to make one value.
    pub(super) fn output(&self, document: &Value, around: Around<'_>) -> Output {
        let mut found = Output::None;
        let evaluated = self.outputs(document, around, |value| {
            if matches!(found, Output::None) {
                found = Output::One(value);
                ControlFlow::Continue(())
            } else {
                found = Output::Many;
                ControlFlow::Break(())
            }
        });
        evaluated.map_or_else(Output::Failed, |()| found)
    }

    fn evaluate(
        &self,
        document: &Value,
        around: Around<'_>,
        mut each: impl FnMut(Value) -> ControlFlow<()>,
    ) -> Result<(), String> {
        let Around { steps, about } = around;
        let budget = Budget::new(&self.filter.lut, self.stack_bytes_max, steps, about);
        let context = Ctx::<Budgeted>::new(&budget, Vars::new(self.variables.values(about)));
        for output in self.filter.id.run((context, document.clone())) {
            match output {
                Ok(value) => {
                    if each(value).is_break() {
                        break;
                    }
                }
                Err(error) => {
                    return Err(match error.get_err() {
                        Ok(error) => shortened(error.to_string()),
                        // `halt` would end the process, had we let jaq unwrap it.
                        Err(_) => "it calls `halt`, which is not supported".to_owned(),
                    });
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Jq {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// `line`, which was found to be JSON, as a document. jaq itself takes more than JSON: comments,
/// `NaN`, `+1`.
pub(super) fn parse(line: &[u8]) -> Result<Value, String> {
    jaq_json::read::parse_single(line).map_err(|error| error.to_string())
}

/// A raw line as an expression sees it.
pub(super) fn string(line: &[u8]) -> Result<Value, String> {
    match str::from_utf8(line) {
        Ok(text) => Ok(Value::from(text.to_owned())),
        Err(error) => Err(format!(
            "the line is not UTF-8 at byte {}, and an expression sees it as a string",
            error.valid_up_to() + 1
        )),
    }
}

/// Bytes as an expression sees them: a text where they are UTF-8, else a byte string.
pub(super) fn bytes(bytes: Option<&[u8]>) -> Value {
    match bytes.map(|bytes| (str::from_utf8(bytes), bytes)) {
        None => Value::Null,
        Some((Ok(text), _)) => Value::from(text.to_owned()),
        Some((Err(_), bytes)) => Value::byte_str(bytes.to_vec()),
    }
}

/// Names with their values as an object. Of one name the last counts.
pub(super) fn object(members: &[(String, Option<Vec<u8>>)]) -> Value {
    let member = |(name, value): &(String, Option<Vec<u8>>)| {
        (Value::from(name.clone()), bytes(value.as_deref()))
    };
    Value::obj(members.iter().map(member).collect())
}

/// `value` as compact JSON, or what it is instead.
pub(super) fn json(value: &Value) -> Result<Vec<u8>, String> {
    // Its writer recurses, and needs much more stack for each level than a reader does.
    if is_deeper(value, DEPTH_MAX) {
        return Err(format!("is nested more than {DEPTH_MAX} deep"));
    }
    let json = value.to_string().into_bytes();
    // An expression can make what JSON has no words for (`NaN`, byte strings), and its writer then
    // invents some.
    match scan::<0>(&json, []) {
        Ok([]) => Ok(json),
        Err(_) => Err("is or contains a value that JSON does not have".to_owned()),
    }
}

/// Whether arrays and objects nest deeper than `levels`.
fn is_deeper(value: &Value, levels: usize) -> bool {
    let mut left = vec![(value, 0)];
    while let Some((value, around)) = left.pop() {
        match value {
            Value::Arr(_) | Value::Obj(_) if around == levels => return true,
            Value::Arr(values) => left.extend(values.iter().map(|value| (value, around + 1))),
            Value::Obj(members) => left.extend(members.values().map(|value| (value, around + 1))),
            _ => {}
        }
    }
    false
}

/// `value` if it is a string, or else what it is.
pub(super) fn text(value: &Value) -> Result<String, &'static str> {
    match value {
        Value::TStr(text) => {
            String::from_utf8(text.to_vec()).map_err(|_| "a string that is not UTF-8")
        }
        Value::Null => Err("null"),
        Value::Bool(_) => Err("a boolean"),
        Value::Num(_) => Err("a number"),
        Value::BStr(_) => Err("a byte string"),
        Value::Arr(_) => Err("an array"),
        Value::Obj(_) => Err("an object"),
    }
}

fn load_error(text: &str, error: load::Error<&str>) -> Vec<String> {
    match error {
        load::Error::Io(errors) => {
            errors.into_iter().map(|(path, error)| format!("{path}: {error}")).collect()
        }
        load::Error::Lex(errors) => {
            let expected = errors.into_iter().map(|(expect, rest)| (expect.as_str(), rest));
            expected.map(|(expect, rest)| expected_at(text, expect, rest)).collect()
        }
        load::Error::Parse(errors) => {
            let expected = errors.into_iter().map(|(expect, rest)| (expect.as_str(), rest));
            expected.map(|(expect, rest)| expected_at(text, expect, rest)).collect()
        }
    }
}

fn expected_at(text: &str, expect: &str, rest: &str) -> String {
    format!("expected {expect} {}", place(text, rest))
}

fn undefined(text: &str, errors: Vec<jaq_core::compile::Error<&str>>) -> Vec<String> {
    let message = |(name, what): (&str, jaq_core::compile::Undefined)| {
        format!("there is no {} `{name}` {}", what.as_str(), place(text, name))
    };
    errors.into_iter().map(message).collect()
}

/// A message without most of the document that it may quote.
fn shortened(mut message: String) -> String {
    if let Some((end, _)) = message.char_indices().nth(MESSAGE_CHARACTERS_MAX) {
        message.truncate(end);
        message.push('…');
    }
    message
}

/// Where `part`, a slice of `text` or its end, lies in it.
fn place(text: &str, part: &str) -> String {
    let at = (part.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
    match text.get(..at) {
        Some(before) if at < text.len() => format!("at column {}", before.chars().count() + 1),
        _ => "at the end".to_owned(),
    }
}

fn first(mut messages: impl Iterator<Item = Vec<String>>) -> String {
    let message = messages.find_map(|messages| messages.into_iter().next());
    message.unwrap_or_else(|| "it is not a jq expression".to_owned())
}

/// What the smallest of usual threads has to spare.
const STACK_BYTES_MAX_DEFAULT: usize = 256 << 10;

/// How much of jaq's message is shown.
const MESSAGE_CHARACTERS_MAX: usize = 200;
