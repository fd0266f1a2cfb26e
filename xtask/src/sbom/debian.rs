//! Packages of the base.

use super::Part;

/// One line a package: name, version, architecture, source, with tabs between.
pub fn parts(list: &str) -> Result<Vec<Part>, String> {
    list.lines()
        .enumerate()
        .map(|(number, line)| part(line).ok_or_else(|| format!("line {}: {line}", number + 1)))
        .collect()
}

fn part(line: &str) -> Option<Part> {
    let mut fields = line.split('\t');
    let (name, version, architecture) = (fields.next()?, fields.next()?, fields.next()?);
    if [name, version, architecture].iter().any(|field| field.is_empty()) {
        return None;
    }
    // Debian versions hold characters that a package URL writes as numbers.
    let written = version.replace('%', "%25").replace('+', "%2B").replace(':', "%3A");
    Some(Part {
        purl: format!("pkg:deb/debian/{name}@{written}?arch={architecture}"),
        name: name.to_owned(),
        version: version.to_owned(),
        license: None,
        sha256: None,
        needs: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_with_an_epoch_and_a_plus_becomes_part_of_a_url() {
        let found = parts("git\t1:2.39.5-0+deb12u3\tamd64\tgit\n").unwrap();
        assert_eq!(found[0].purl, "pkg:deb/debian/git@1%3A2.39.5-0%2Bdeb12u3?arch=amd64");
        assert_eq!(found[0].version, "1:2.39.5-0+deb12u3");
    }

    #[test]
    fn a_line_without_a_version_is_named() {
        assert_eq!(parts("libc6\t2\tamd64\tglibc\ngit\n").unwrap_err(), "line 2: git");
    }
}
