//! Figures with their targets.

/// What a figure has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    AtLeast(f64),
    AtMost(f64),
    /// Only told.
    None,
}

/// Everything that was measured, in order.
#[derive(Debug, Default)]
pub struct Report {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    what: String,
    value: f64,
    unit: &'static str,
    target: Target,
}

impl Target {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
            Self::None => true,
        }
    }

    fn words(self, value: f64, unit: &str) -> String {
        let verdict = if self.is_met(value) { "met" } else { "MISSED" };
        match self {
            Self::AtLeast(bound) => format!(">= {bound}{unit}: {verdict}"),
            Self::AtMost(bound) => format!("<= {bound}{unit}: {verdict}"),
            Self::None => String::new(),
        }
    }
}

impl Report {
    /// Notes a figure and prints it.
    pub fn add(&mut self, what: impl Into<String>, value: f64, unit: &'static str, target: Target) {
        let row = Row { what: what.into(), value, unit, target };
        println!("  {}", row.text());
        self.rows.push(row);
    }

    /// Prints all figures once more, together.
    pub fn print(&self) {
        println!();
        for row in &self.rows {
            println!("{}", row.text());
        }
        let missed = self.rows.iter().filter(|row| !row.target.is_met(row.value)).count();
        let aimed = self.rows.iter().filter(|row| row.target != Target::None).count();
        println!("\n{} of {aimed} targets met", aimed - missed);
    }
}

impl Row {
    fn text(&self) -> String {
        let value = if self.value.abs() >= 100.0 {
            format!("{:.0}{}", self.value, self.unit)
        } else {
            format!("{:.2}{}", self.value, self.unit)
        };
        format!("{:<74} {value:>12}   {}", self.what, self.target.words(self.value, self.unit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_met_at_its_bound() {
        assert!(Target::AtLeast(0.7).is_met(0.7) && !Target::AtLeast(0.7).is_met(0.69));
        assert!(Target::AtMost(40.0).is_met(40.0) && !Target::AtMost(40.0).is_met(40.1));
        assert_eq!(Target::AtMost(5.0).words(6.0, "x"), "<= 5x: MISSED");
    }
}
