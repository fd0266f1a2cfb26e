//! The provider that knows AWS' schema, as Terraform finds it: a mirror in a folder.
//!
//! Its Python environment is made once, by its own `setup.sh`, in the user's cache directory. The schema of all of AWS is
//! read anew by each of Terraform's commands, which is most of their time: a mirror here has the types that the code
//! names, and whatever is not in the whole schema is unknown in the part as well.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Mutex,
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::super::{Outcome, Tree, folder, program};

const VERSION: &str = "6.25.0";
const SCHEMA: &str = "aws-schema.json.gz";
/// One thread makes the environment; the others wait for it.
static SETUP: Mutex<()> = Mutex::new(());

pub struct Provider {
    /// `provider.py`, `setup.sh` and the schema.
    source: PathBuf,
    /// The interpreter with what `provider.py` imports.
    python: PathBuf,
}

impl Provider {
    pub fn find(tree: &Tree) -> Result<Option<Self>, String> {
        let source = tree.shared.join("tools/terraform-schema-provider");
        let Ok(source) = source.canonicalize() else { return Ok(None) };
        let setup = folder::read(&source.join("setup.sh"))?;
        let made =
            cache()?.join(format!("terraform-provider-{}", &hex::encode(Sha256::digest(&setup))[..12]));
        let python = made.join("venv/bin/python");
        let _one = SETUP.lock();
        // Written last, so that an environment that was not finished is made anew.
        if !made.join("terraformrc").is_file() {
            let mut bash = program::command("bash")?;
            program::output(bash.arg(source.join("setup.sh")).arg(&made))?;
        }
        Ok(Some(Self { source, python }))
    }

    /// Makes a mirror below `to` for the code below `terraform`, and returns the file that points Terraform to it.
    pub fn mirror(&self, terraform: &Path, to: &Path) -> Result<PathBuf, String> {
        let schema = to.join(SCHEMA);
        self.write_part(&types(terraform)?, &schema)?;
        let platform = if cfg!(target_arch = "aarch64") { "linux_arm64" } else { "linux_amd64" };
        let mirror = to.join("mirror");
        let dir = mirror.join("registry.terraform.io/hashicorp/aws").join(VERSION).join(platform);
        folder::make(&dir)?;
        let plugin = dir.join(format!("terraform-provider-aws_v{VERSION}"));
        let script = format!(
            "#!/bin/sh\nexport AWS_PROVIDER_SCHEMA='{}'\nexec '{}' '{}' \"$@\"\n",
            schema.display(),
            self.python.display(),
            self.source.join("provider.py").display()
        );
        folder::write(&plugin, &script)?;
        fs::set_permissions(&plugin, fs::Permissions::from_mode(0o755)).map_err(|e| e.to_string())?;
        let settings = to.join("terraformrc");
        let text = format!(
            "provider_installation {{\n  filesystem_mirror {{ path = \"{}\" }}\n}}\n",
            mirror.display()
        );
        folder::write(&settings, &text)?;
        Ok(settings)
    }

    /// The named types of the schema, resources (`r`) and data sources (`d`).
    fn write_part(&self, named: &BTreeSet<String>, to: &Path) -> Result<(), String> {
        let whole = self.source.join(SCHEMA);
        let fail = |e: &dyn std::fmt::Display| format!("{}: {e}", whole.display());
        let mut text = String::new();
        let file = fs::File::open(&whole).map_err(|e| fail(&e))?;
        GzDecoder::new(file).read_to_string(&mut text).map_err(|e| fail(&e))?;
        let mut schema: Map<String, Value> = serde_json::from_str(&text).map_err(|e| fail(&e))?;
        for kind in ["r", "d"] {
            let types = schema.get_mut(kind).and_then(Value::as_object_mut);
            types.ok_or_else(|| fail(&format!("no `{kind}`")))?.retain(|name, _| named.contains(name));
        }
        let text = serde_json::to_vec(&schema).map_err(|e| fail(&e))?;
        let file = fs::File::create(to).map_err(|e| e.to_string())?;
        let mut out = GzEncoder::new(file, Compression::fast());
        out.write_all(&text).and_then(|()| out.finish().map(drop)).map_err(|e| e.to_string())
    }
}

/// Every `aws_…` word of the code.
fn types(terraform: &Path) -> Result<BTreeSet<String>, String> {
    let mut named = BTreeSet::new();
    for ending in [".tf", ".hcl"] {
        for file in folder::files(terraform, ending)? {
            let text = folder::read(&file)?;
            let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            named.extend(words.filter(|word| word.starts_with("aws_")).map(str::to_owned));
        }
    }
    Ok(named)
}

fn cache() -> Result<PathBuf, String> {
    let named = |variable| std::env::var_os(variable).filter(|v| !v.is_empty()).map(PathBuf::from);
    let cache = named("XDG_CACHE_HOME").or_else(|| named("HOME").map(|home| home.join(".cache")));
    cache
        .map(|cache| cache.join("quarterdeck/infra"))
        .ok_or_else(|| "neither XDG_CACHE_HOME nor HOME is set".to_owned())
}

/// What a check says without it.
pub fn absent() -> Outcome {
    Outcome::LeftOut("../shared/tools/terraform-schema-provider is not beside the checkout".to_owned())
}
