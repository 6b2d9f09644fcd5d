//! The UI is built into the hub: a new build of it is a new hub.

fn main() {
    println!("cargo:rerun-if-changed=../../ui/dist");
    println!("cargo:rerun-if-changed=../../content");
    println!("cargo:rerun-if-changed=migrations");
}
