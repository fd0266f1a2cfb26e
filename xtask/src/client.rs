//! The browser client: wasm through the toolchain that the machine has, bindings, charts from npm, fingerprints and
//! precompressed copies. The server reads `manifest.json` (logical name -> file below the site folder).

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use sha2::{Digest, Sha256};

use crate::platform::layout::{repository_root, target_dir};

const WASM_TARGET: &str = "wasm32-unknown-unknown";
const PROFILE: &str = "wasm-release";

/// Builds everything that a browser loads from the console into `<target>/site`. Unchanged inputs cost nothing but
/// the look at them.
pub fn build() -> Result<(), String> {
    let root = repository_root()?;
    let target = target_dir(&root);
    let wasm = build_wasm(&root, &target)?;
    bundle_npm(&root)?;
    let dist = root.join("console/frontend/dist");
    let (charts, boot) = (dist.join("charts.js"), dist.join("boot.js"));
    let stylesheet = target.join("app.css");
    write(&stylesheet, stylesheet_of(&root.join("console/ui/style"), &dist.join("uplot.css"))?.as_bytes())?;
    let inputs = [wasm.as_path(), stylesheet.as_path(), charts.as_path(), boot.as_path()];
    let stamp = fingerprint_of(&inputs)?;
    let site = target.join("site");
    if fs::read_to_string(site.join("stamp")).is_ok_and(|s| s == stamp) {
        return Ok(());
    }
    println!("client: writing {}", site.display());
    let fresh = target.join("site.new");
    let _ = fs::remove_dir_all(&fresh);
    let bindings = target.join("bindings");
    generate_bindings(&wasm, &bindings)?;
    let mut manifest = BTreeMap::new();
    let wasm_file = publish(&bindings.join("console_bg.wasm"), &fresh, "pkg", "console_bg", "wasm")?;
    let script = bindings.join("console.js");
    let js_file = publish(&script, &fresh, "pkg", "console", "js")?;
    manifest.insert("console_bg.wasm", wasm_file);
    manifest.insert("console.js", js_file);
    manifest.insert("app.css", publish(&stylesheet, &fresh, "assets", "app", "css")?);
    manifest.insert("charts.js", publish(&charts, &fresh, "assets", "charts", "js")?);
    manifest.insert("boot.js", publish(&boot, &fresh, "assets", "boot", "js")?);
    let text =
        serde_json::to_string_pretty(&manifest).map_err(|e| format!("cannot write the manifest: {e}"))?;
    write(&fresh.join("manifest.json"), text.as_bytes())?;
    write(&fresh.join("stamp"), stamp.as_bytes())?;
    let _ = fs::remove_dir_all(&site);
    fs::rename(&fresh, &site).map_err(|e| format!("cannot put {} in place: {e}", site.display()))
}

/// One style sheet: the chart library's rules in the weakest layer, then the console's files in order of their names.
fn stylesheet_of(folder: &Path, library: &Path) -> Result<String, String> {
    let read =
        |path: &Path| fs::read_to_string(path).map_err(|e| format!("cannot read {}: {e}", path.display()));
    let entries = fs::read_dir(folder).map_err(|e| format!("cannot list {}: {e}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|e| e.ok().map(|e| e.path())).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "css"));
    files.sort();
    let mut text = format!("@layer library {{\n{}}}\n", read(library)?);
    for file in files {
        text.push_str(&read(&file)?);
    }
    Ok(text)
}

fn build_wasm(root: &Path, target: &Path) -> Result<PathBuf, String> {
    let out = target.join("wasm");
    let script = format!(
        "set -e; eval \"$(xtask/wasm-env.sh)\"; unset RUSTUP_TOOLCHAIN; \
         cargo build --locked -p console-frontend --lib --profile {PROFILE} --target {WASM_TARGET}"
    );
    let status = Command::new(xtask_programs::path("bash")?)
        .args(["-c", &script])
        .current_dir(root)
        .env("CARGO_TARGET_DIR", &out)
        .status()
        .map_err(|e| format!("cannot run cargo for the browser client: {e}"))?;
    if !status.success() {
        return Err("the browser client does not build".to_owned());
    }
    Ok(out.join(WASM_TARGET).join(PROFILE).join("console_frontend.wasm"))
}

/// Charts: npm with a lock file, bundled once a change.
fn bundle_npm(root: &Path) -> Result<(), String> {
    let dir = root.join("console/frontend");
    let lock =
        fs::read(dir.join("package-lock.json")).map_err(|e| format!("console/frontend: no npm lock: {e}"))?;
    let stamp = hex::encode(Sha256::digest(&lock));
    let stamp_file = dir.join("node_modules/.stamp");
    if fs::read_to_string(&stamp_file).map_or(true, |s| s != stamp) {
        run_npm(&dir, &["ci", "--no-audit", "--no-fund", "--silent"])?;
        write(&stamp_file, stamp.as_bytes())?;
    }
    run_npm(&dir, &["run", "--silent", "build"])
}

fn run_npm(dir: &Path, args: &[&str]) -> Result<(), String> {
    let status = Command::new(xtask_programs::path("npm")?)
        .args(args)
        .current_dir(dir)
        .status()
        .map_err(|e| format!("cannot run npm: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("npm {} failed in {}", args.join(" "), dir.display())) }
}

fn generate_bindings(wasm: &Path, out: &Path) -> Result<(), String> {
    let _ = fs::remove_dir_all(out);
    wasm_bindgen_cli_support::Bindgen::new()
        .input_path(wasm)
        .out_name("console")
        .web(true)
        .map_err(|e| format!("bindings: {e}"))?
        .typescript(false)
        .omit_default_module_path(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(out)
        .map_err(|e| format!("bindings of the browser client: {e}"))
}

/// Copies a file under its fingerprint, with brotli and gzip beside it. Answers its path below the site folder.
fn publish(file: &Path, site: &Path, folder: &str, stem: &str, extension: &str) -> Result<String, String> {
    let bytes = fs::read(file).map_err(|e| format!("cannot read {}: {e}", file.display()))?;
    let hash = hex::encode(Sha256::digest(&bytes));
    let name = format!("{folder}/{stem}.{}.{extension}", &hash[..12]);
    let path = site.join(&name);
    write(&path, &bytes)?;
    let mut compressed = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams { quality: 10, lgwin: 22, ..Default::default() };
    brotli::BrotliCompress(&mut bytes.as_slice(), &mut compressed, &parameters)
        .map_err(|e| format!("cannot compress {name}: {e}"))?;
    write(&site.join(format!("{name}.br")), &compressed)?;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&bytes).map_err(|e| format!("cannot compress {name}: {e}"))?;
    let gzip = gzip.finish().map_err(|e| format!("cannot compress {name}: {e}"))?;
    write(&site.join(format!("{name}.gz")), &gzip)?;
    println!("client: {name} {} kB, {} kB brotli", bytes.len() / 1000, compressed.len() / 1000);
    Ok(name)
}

fn fingerprint_of(files: &[&Path]) -> Result<String, String> {
    let mut hasher = Sha256::new();
    for file in files {
        hasher.update(fs::read(file).map_err(|e| format!("cannot read {}: {e}", file.display()))?);
    }
    Ok(hex::encode(hasher.finalize()))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|e| format!("cannot create {}: {e}", parent.display()))?;
    }
    fs::write(path, bytes).map_err(|e| format!("cannot write {}: {e}", path.display()))
}
