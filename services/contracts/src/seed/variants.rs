//! Groups of variants in the first range, from `seed/variants.txt`: a block a group, `title | option | …`, then a line for
//! each product, `slug | value | …`. A group's id is derived from its title, which therefore never changes.

use std::sync::LazyLock;

use crate::VariantGroupId;

/// A group as it is first offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedGroup {
    /// Derived from the title.
    pub id: VariantGroupId,
    /// What all of its products are called.
    pub title: &'static str,
    /// Names of the options, in order.
    pub options: Vec<&'static str>,
    /// Slug and values of each product.
    pub members: Vec<(&'static str, Vec<&'static str>)>,
}

static GROUPS: LazyLock<Vec<SeedGroup>> =
    LazyLock::new(|| include_str!("../../seed/variants.txt").split("\n\n").filter_map(parse).collect());

/// Every group of the first range.
pub fn variant_groups() -> &'static [SeedGroup] {
    &GROUPS
}

fn parse(block: &'static str) -> Option<SeedGroup> {
    let mut lines = block.lines().map(|line| {
        let mut cells = line.split(" | ");
        cells.next().map(|first| (first, cells.collect::<Vec<_>>()))
    });
    let (title, options) = lines.next()??;
    Some(SeedGroup {
        id: VariantGroupId::from_title(title),
        title,
        options,
        members: lines.flatten().collect(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{seed, variants};

    #[test]
    fn groups_are_of_products_of_the_range_whose_names_say_their_values() {
        let groups = variant_groups();
        assert!((8..=12).contains(&groups.len()), "{} groups", groups.len());
        assert!(groups.iter().any(|group| group.options.len() == 2));
        let mut seen = BTreeSet::new();
        for group in groups {
            assert!((2..=6).contains(&group.members.len()), "{}", group.title);
            let combinations: BTreeSet<_> = group.members.iter().map(|(_, values)| values).collect();
            assert_eq!(combinations.len(), group.members.len(), "{}", group.title);
            for (slug, values) in &group.members {
                let product = seed::find(slug).unwrap_or_else(|| panic!("{slug} is not in the range"));
                assert!(seen.insert(slug), "{slug} is in two groups");
                assert_eq!(values.len(), group.options.len(), "{slug}");
                let values: Vec<String> = values.iter().map(|&value| value.to_owned()).collect();
                assert_eq!(variants::unsaid(product.name, &values), None, "{slug}");
            }
        }
    }
}
