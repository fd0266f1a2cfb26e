//! An entry of a list in words: a group of variants is called by its title, says from what price and how many choices
//! there are. Where only some of its products match what was asked for, the one that is shown is called by its own name.

use shop_contracts::catalog::ProductSummary;

use super::parts;

/// What the entry is called.
pub fn name(item: &ProductSummary) -> &str {
    match &item.choices {
        Some(choices) if choices.matching == choices.variants => &choices.title,
        _ => &item.name,
    }
}

/// `from €34.90` where what matches has several prices.
pub fn price(item: &ProductSummary) -> String {
    match &item.choices {
        Some(choices) if choices.lowest != choices.highest => {
            format!("from {}", parts::price(choices.lowest))
        }
        _ => parts::price(item.price),
    }
}

/// `3 diameters, 2 lengths`; nothing where there is nothing to choose.
pub fn choices(item: &ProductSummary) -> Option<String> {
    let options = item.choices.as_ref()?.options.iter().filter(|option| option.values > 1);
    let counts: Vec<String> =
        options.map(|option| format!("{} {}", option.values, plural(&option.name.to_lowercase()))).collect();
    (!counts.is_empty()).then(|| counts.join(", "))
}

/// English plurals as far as names of options need them.
fn plural(word: &str) -> String {
    let before_y = word.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'i', 'o', 'u']));
    match before_y {
        Some(stem) => format!("{stem}ies"),
        None if ["s", "x", "z", "ch", "sh"].iter().any(|end| word.ends_with(end)) => format!("{word}es"),
        None => format!("{word}s"),
    }
}

#[cfg(test)]
mod tests {
    use shop_contracts::variants::{Choices, OptionCount};
    use shop_contracts::{Currency, Money, ProductId};

    use super::*;

    fn euros(minor: i64) -> Money {
        Money::new(minor, Currency::Eur)
    }

    fn item(matching: u32, highest: i64) -> ProductSummary {
        let count = |name: &str, values| OptionCount { name: name.to_owned(), values };
        let choices = Choices {
            title: "Line".to_owned(),
            options: vec![count("Diameter", 3), count("Colour", 1), count("Length", 2)],
            variants: 5,
            matching,
            lowest: euros(3_490),
            highest: euros(highest),
        };
        ProductSummary {
            id: ProductId::from_slug("a"),
            slug: "a".to_owned(),
            name: "Line 12 mm".to_owned(),
            maker: String::new(),
            category: String::new(),
            price: euros(3_490),
            picture_version: String::new(),
            choices: Some(choices),
        }
    }

    #[test]
    fn a_group_is_called_by_its_title_with_a_price_from_and_its_choices() {
        let all = item(5, 8_990);
        assert_eq!((name(&all), price(&all).as_str()), ("Line", "from €34.90"));
        assert_eq!(choices(&all).as_deref(), Some("3 diameters, 2 lengths"));
    }

    #[test]
    fn a_part_of_a_group_is_called_by_the_name_of_what_is_shown() {
        let some = item(1, 3_490);
        assert_eq!((name(&some), price(&some).as_str()), ("Line 12 mm", "€34.90"));
        let alone = ProductSummary { choices: None, ..some };
        assert_eq!((name(&alone), choices(&alone)), ("Line 12 mm", None));
    }

    #[test]
    fn names_of_options_get_their_plural() {
        for (one, many) in [
            ("colour", "colours"),
            ("finish", "finishes"),
            ("quality", "qualities"),
            ("way", "ways"),
            ("box", "boxes"),
        ] {
            assert_eq!(plural(one), many);
        }
    }
}
