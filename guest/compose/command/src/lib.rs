//! Stores the lines of standard input with the sink that it imports: a command for `wasmtime run`.
//!
//! Each line is an event, also an empty one, and one without a line feed at the end of the input.
//! All have one key; a transform before the sink may give others. What is wrong with the arguments
//! or with the configuration ends it with 2, what fails later with 1. It ends with 0 only if the
//! sink said of every line that it is stored.

mod arguments;
mod feed;
mod input;
mod report;

use wasip2::cli::exit::exit_with_code;

use arguments::{Arguments, Asked};
use report::Stop;

struct Command;

impl wasip2::exports::cli::run::Guest for Command {
    fn run() -> Result<(), ()> {
        let done = match Arguments::of_process() {
            Ok(Asked::Help) => report::out(arguments::HELP),
            Ok(Asked::Run(arguments)) => feed::run(&arguments).and_then(|done| report::out(&done)),
            Err(problems) => Err(Stop::Usage(problems)),
        };
        let Err(stop) = done else { return Ok(()) };
        exit_with_code(stop.report());
        Err(())
    }
}

#[allow(missing_docs, unsafe_code, reason = "generated: the ABI is made of raw pointers")]
#[allow(clippy::all, unused_qualifications, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({
        path: "../../../wit/deps/sink",
        // The imports from `wasi:cli` and `wasi:io` are those that `wasip2` brings.
        inline: "
            package spillway:command;
            world command {
                import spillway:sink/sink@0.2.0;
            }
        ",
        world: "spillway:command/command",
        generate_all,
    });
}

#[allow(unsafe_code, reason = "generated: the ABI is made of raw pointers")]
mod export {
    use super::Command;

    wasip2::cli::command::export!(Command);
}
