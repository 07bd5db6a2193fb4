//! `spillway`: streams events into S3 through a sandboxed component.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
