//! One histogram at one time: its buckets, count and sum.

#[derive(Default)]
pub struct Buckets {
    /// The last bucket's bound and count.
    last: Option<(f64, f64)>,
    count: Option<f64>,
    has_sum: bool,
    has_gsum: bool,
    has_negative_gsum: bool,
    has_negative_bounds: bool,
}

impl Buckets {
    pub fn add(&mut self, suffix: &str, le: Option<f64>, value: f64) -> Result<(), String> {
        match suffix {
            "_bucket" => {
                let le = le.unwrap_or(f64::NAN);
                let (bound, count) = self.last.unwrap_or((f64::NEG_INFINITY, 0.0));
                if self.last.is_some() && le <= bound {
                    return Err("buckets must be in rising order of le".to_owned());
                }
                if value < count {
                    return Err("a bucket counts less than the one before".to_owned());
                }
                self.has_negative_bounds |= le < 0.0;
                self.last = Some((le, value));
            }
            "_count" | "_gcount" => self.count = Some(value),
            "_sum" => self.has_sum = true,
            "_gsum" => {
                self.has_gsum = true;
                self.has_negative_gsum |= value < 0.0;
            }
            _ => {}
        }
        Ok(())
    }

    pub fn finish(&self) -> Result<(), String> {
        let (bound, value) = self.last.unwrap_or((f64::NAN, 0.0));
        let has_any_sum = self.has_sum || self.has_gsum;
        let problem = if bound != f64::INFINITY {
            "a histogram has no bucket +Inf"
        } else if self.count.is_some_and(|count| count != value) {
            "a histogram's count is not that of its bucket +Inf"
        } else if has_any_sum && self.count.is_none() {
            "a histogram has a sum and no count"
        } else if !has_any_sum && self.count.is_some() {
            "a histogram has a count and no sum"
        } else if self.has_negative_bounds && self.has_sum {
            "a histogram with negative buckets cannot have a sum"
        } else if !self.has_negative_bounds && self.has_negative_gsum {
            "a histogram without negative buckets cannot have a negative sum"
        } else {
            return Ok(());
        };
        Err(problem.to_owned())
    }
}
