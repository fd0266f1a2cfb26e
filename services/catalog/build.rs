//! What macros read besides the sources, which cargo cannot see: a new migration and renewed metadata are compiled in.

fn main() {
    println!("cargo::rerun-if-changed=.sqlx");
    println!("cargo::rerun-if-changed=migrations");
}
