//! `spillway`: streams events into S3 through a sandboxed component.

fn main() -> std::process::ExitCode {
    spillway_cli::main()
}
