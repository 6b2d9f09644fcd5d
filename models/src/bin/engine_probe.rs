//! The engine child of the process tests: `dreamseed-engine-probe --scripted JSON` or `--model FILE`.

use std::process::ExitCode;

use dreamseed_models::child::{ChildArgs, run_engine_child};

#[expect(clippy::print_stderr, reason = "a test program says on stderr what is wrong")]
fn main() -> ExitCode {
    match ChildArgs::from_args(std::env::args_os().skip(1)) {
        Ok(args) => run_engine_child(args),
        Err(err) => {
            eprintln!("{err}");
            ExitCode::from(2)
        }
    }
}
