//! The machine as the doctor sees it: files under a root and the output of its tools, so that a test can show another.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What a tool said on its standard output, if it could be run and ended well.
type RunTool = dyn Fn(&str, &[&str]) -> Option<String> + Send + Sync;

/// A machine.
pub struct Machine {
    root: PathBuf,
    run: Box<RunTool>,
}

impl Machine {
    /// The one the hub runs on.
    pub fn this() -> Self {
        Machine { root: PathBuf::from("/"), run: Box::new(run_tool) }
    }

    /// One whose files lie under `root` and whose tools answer as `run` says.
    pub fn at(root: &Path, run: impl Fn(&str, &[&str]) -> Option<String> + Send + Sync + 'static) -> Self {
        Machine { root: root.to_owned(), run: Box::new(run) }
    }

    /// A small text file, such as one of `/proc`.
    pub fn read(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.root.join(path)).ok()
    }

    /// Whether a file is there.
    pub fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    /// What a tool says.
    pub fn run(&self, tool: &str, args: &[&str]) -> Option<String> {
        (self.run)(tool, args)
    }
}

fn run_tool(tool: &str, args: &[&str]) -> Option<String> {
    // Where such tools lie; a service's own path often leaves these out.
    let places = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];
    let program = places.iter().map(|place| Path::new(place).join(tool)).find(|path| path.is_file())?;
    let done = Command::new(program).args(args).env("LC_ALL", "C").stdin(Stdio::null()).output().ok()?;
    done.status.success().then(|| String::from_utf8_lossy(&done.stdout).into_owned())
}
