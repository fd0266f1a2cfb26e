//! What a shopper probably meant: the nearest words of the range.

use shop_instrumentation::db::observe;
use sqlx::PgPool;

use super::search::words_of;

/// Shorter words are not corrected: too much is spelled alike.
const SHORTEST_CHARS: usize = 3;

/// The words with each one that finds nothing replaced by the nearest known one; nothing when no word changes. A word that
/// finds something by itself, in whatever form, is its own nearest.
pub(super) async fn correct(pool: &PgPool, text: &str) -> Result<Option<String>, sqlx::Error> {
    let asked: Vec<String> =
        words_of(text).into_iter().filter(|word| word.chars().count() >= SHORTEST_CHARS).collect();
    let query = sqlx::query!(
        "SELECT asked.word AS \"asked!\", near.word AS \"near!\" FROM unnest($1::text[]) AS asked (word) \
         CROSS JOIN LATERAL (SELECT asked.word WHERE EXISTS \
         (SELECT FROM products p WHERE p.search @@ plainto_tsquery('english', asked.word)) \
         UNION ALL (SELECT word FROM search_words WHERE word % asked.word \
         ORDER BY similarity(word, asked.word) DESC, word LIMIT 12)) AS near",
        &asked
    );
    let rows = observe("SELECT search_words", query.fetch_all(pool)).await?;
    let pairs: Vec<(String, String)> = rows.into_iter().map(|row| (row.asked, row.near)).collect();
    let corrected: Vec<String> = words_of(text)
        .into_iter()
        .map(|word| {
            let candidates = pairs.iter().filter(|(asked, _)| *asked == word).map(|(_, near)| near.as_str());
            nearest(&word, candidates).map_or_else(|| word.clone(), str::to_owned)
        })
        .collect();
    Ok((corrected != words_of(text)).then(|| corrected.join(" ")))
}

/// The candidate with the fewest edits; none when that would be another word altogether.
fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // More than a slip or two of the fingers is another word: who asks for a saucepan does not mean sauce.
    let allowed = match word.chars().count() {
        0..=5 => 1,
        6..=11 => 2,
        _ => 3,
    };
    candidates
        .map(|candidate| (edits(word, candidate), candidate))
        .filter(|(edits, _)| *edits <= allowed)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours between two words (optimal string alignment distance).
fn edits(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for i in 1..=left.len() {
        let mut row = vec![i];
        for j in 1..=right.len() {
            let replaced = above[j - 1] + usize::from(left[i - 1] != right[j - 1]);
            let mut least = replaced.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swapped_neighbours_are_one_edit() {
        assert_eq!(edits("lantren", "lantern"), 1);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("same", "same"), 0);
    }

    #[test]
    fn the_nearest_word_is_taken_and_a_far_one_is_not() {
        assert_eq!(nearest("lantren", ["lanyard", "lanterns", "lantern"].into_iter()), Some("lantern"));
        assert_eq!(nearest("rope", ["telescope"].into_iter()), None);
        assert_eq!(nearest("saucepan", ["sauce"].into_iter()), None);
        assert_eq!(nearest("anker", ["answer"].into_iter()), None);
    }
}
