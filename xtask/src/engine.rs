//! Which engine llama.cpp is built for: CUDA if nvcc is new enough, else Vulkan if its parts are there, else the CPU.

use crate::checkout::variable;
use crate::process;
use std::path::{Path, PathBuf};

/// What llama.cpp computes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Cuda,
    Vulkan,
    Cpu,
}

/// An engine and why it was taken, in one sentence.
pub struct Choice {
    pub engine: Engine,
    pub because: String,
}

impl Engine {
    pub fn name(self) -> &'static str {
        match self {
            Self::Cuda => "CUDA",
            Self::Vulkan => "Vulkan",
            Self::Cpu => "CPU",
        }
    }

    /// Features of the release build. `llama` comes first: every build has it.
    pub fn features(self) -> &'static str {
        match self {
            Self::Cuda => "dreamseed-hub/llama,dreamseed-models/cuda",
            Self::Vulkan => "dreamseed-hub/llama,dreamseed-models/vulkan",
            Self::Cpu => "dreamseed-hub/llama",
        }
    }
}

/// Looks at the machine.
pub fn choose() -> Choice {
    let nvcc = nvcc().and_then(|nvcc| process::output(process::command(&nvcc).arg("--version")).ok());
    let nvcc = nvcc.and_then(|text| nvcc_version(&String::from_utf8_lossy(&text)));
    let vulkan = vulkan_missing();
    decide(nvcc, &vulkan, &cpu_features())
}

/// The graphics card's name and memory in MiB, as its driver tells.
pub fn graphics_card() -> Option<(String, u64)> {
    let line = process::first_line(
        "nvidia-smi",
        &["--query-gpu=name,memory.total", "--format=csv,noheader,nounits"],
    )?;
    let (name, memory) = line.rsplit_once(',')?;
    Some((name.trim().to_owned(), memory.trim().parse().ok()?))
}

/// The compiler itself, also where NVIDIA's installer puts it without touching the `PATH`.
pub fn nvcc() -> Option<PathBuf> {
    let on_path = process::first_line("nvcc", &["--version"]).map(|_| PathBuf::from("nvcc"));
    on_path.or_else(|| {
        let homes = [variable("CUDA_PATH"), Some("/usr/local/cuda".to_owned())];
        homes.into_iter().flatten().map(|home| Path::new(&home).join("bin/nvcc")).find(|nvcc| nvcc.exists())
    })
}

fn decide(nvcc: Option<(u32, u32)>, vulkan_missing: &[&str], cpu: &str) -> Choice {
    // 12.8 is the first that knows the RTX 50 series.
    let cuda = match nvcc {
        Some(version) if version >= (12, 8) => {
            return Choice { engine: Engine::Cuda, because: format!("nvcc {}.{}", version.0, version.1) };
        }
        Some((major, minor)) => format!("nvcc {major}.{minor} is older than 12.8"),
        None => "no nvcc".to_owned(),
    };
    if vulkan_missing.is_empty() {
        return Choice {
            engine: Engine::Vulkan,
            because: format!("{cuda}; Vulkan headers and glslc are here"),
        };
    }
    let because = format!(
        "{cuda}; for Vulkan there is no {}; this machine's own instructions: {cpu}",
        vulkan_missing.join(", ")
    );
    Choice { engine: Engine::Cpu, because }
}

fn vulkan_missing() -> Vec<&'static str> {
    let sdk = variable("VULKAN_SDK").map(PathBuf::from);
    let has_header = |header: &str| {
        let places = [Some(PathBuf::from("/usr/include")), sdk.as_ref().map(|sdk| sdk.join("include"))];
        places.into_iter().flatten().any(|place| place.join(header).exists())
    };
    let mut missing = Vec::new();
    if !has_header("vulkan/vulkan.h") {
        missing.push("libvulkan-dev");
    }
    if process::first_line("glslc", &["--version"]).is_none() {
        missing.push("glslc");
    }
    if !has_header("spirv/unified1/spirv.hpp") {
        missing.push("spirv-headers");
    }
    missing
}

/// From `Cuda compilation tools, release 12.8, V12.8.61`.
fn nvcc_version(text: &str) -> Option<(u32, u32)> {
    let release = text.split("release ").nth(1)?.split(',').next()?;
    let (major, minor) = release.trim().split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The instruction sets that matter to llama.cpp, widest first.
fn cpu_features() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = info.lines().find(|line| line.starts_with("flags") || line.starts_with("Features"));
    let flags: Vec<&str> = flags.unwrap_or_default().split_whitespace().collect();
    let known = ["amx_int8", "avx512_vnni", "avx512f", "avx_vnni", "avx2", "fma", "asimddp", "i8mm", "sve"];
    let found: Vec<&str> = known.into_iter().filter(|name| flags.contains(name)).collect();
    if found.is_empty() { "baseline".to_owned() } else { found.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_release_of_nvcc() {
        let text = "Copyright (c)\nCuda compilation tools, release 12.8, V12.8.61\nBuild cuda_12.8";
        assert_eq!(nvcc_version(text), Some((12, 8)));
        assert_eq!(nvcc_version("command not found"), None);
    }

    #[test]
    fn cuda_before_vulkan_before_the_cpu() {
        assert_eq!(decide(Some((13, 0)), &["glslc"], "avx2").engine, Engine::Cuda);
        assert_eq!(decide(Some((12, 4)), &[], "avx2").engine, Engine::Vulkan);
        let last = decide(Some((12, 4)), &["glslc"], "avx2");
        assert_eq!(last.engine, Engine::Cpu);
        assert!(
            last.because.contains("12.4") && last.because.contains("glslc") && last.because.contains("avx2")
        );
    }
}
