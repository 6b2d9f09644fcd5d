//! Fetches the starter model the way the hub does and prints its path: `fetch_starter FOLDER [WHEELS]`.

use std::process::ExitCode;

use dreamseed_models::catalogue::Catalogue;
use dreamseed_models::store::{ModelStore, StoreError};

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program")]
fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let Some(folder) = args.next() else {
        eprintln!("Say into which folder: fetch_starter FOLDER [WHEELS]");
        return ExitCode::from(2);
    };
    let mut seen = None;
    let fetch = || -> Result<_, StoreError> {
        let mut store = ModelStore::open(folder, Catalogue::built_in())?;
        if let Some(wheels) = args.next() {
            store = store.with_wheel_folder(wheels);
        }
        let starter = store.catalogue().starter().map(|model| model.id.clone()).unwrap_or_default();
        store.fetch(&starter, &mut |progress| {
            if seen != Some(progress.stage) {
                eprintln!("{:?} {:?}", progress.stage, progress.total_bytes);
                seen = Some(progress.stage);
            }
        })
    };
    match fetch() {
        Ok(model) => {
            println!("{}", model.path.display());
            ExitCode::SUCCESS
        }
        Err(err) => {
            eprintln!("{err}");
            ExitCode::FAILURE
        }
    }
}
