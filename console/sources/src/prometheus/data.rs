//! What a query came to, read in one pass: an answer may hold millions of samples.

use std::{collections::BTreeMap, fmt, marker::PhantomData, sync::Arc};

use console_model::{
    Labels,
    metric::{HistogramSample, Point, PointSeries, QueryValue, Sample},
};
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned, Error as _, MapAccess},
};

use super::{
    histogram,
    number::{Moment, Number},
    statistics::Statistics,
};

/// `{"resultType":"vector","result":[…],"stats":{…}}`.
pub struct Data {
    pub value: QueryValue,
    pub statistics: Option<Statistics>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Scalar,
    String,
    Vector,
    Matrix,
}

type Metric = BTreeMap<String, String>;

#[derive(Deserialize)]
struct VectorRow {
    metric: Metric,
    value: Option<(Moment, Number)>,
    histogram: Option<(Moment, histogram::Told)>,
}

#[derive(Deserialize)]
struct MatrixRow {
    metric: Metric,
    #[serde(default)]
    values: Vec<(Moment, Number)>,
    #[serde(default)]
    histograms: Vec<(Moment, histogram::Told)>,
}

/// A result that waits to be read as what its type says.
trait Waiting {
    type Error: de::Error;

    fn read<T: DeserializeOwned>(self) -> Result<T, Self::Error>;
}

/// The next value of a map.
struct Next<'a, 'de, A>(&'a mut A, PhantomData<&'de ()>);

impl<'de, A: MapAccess<'de>> Waiting for Next<'_, 'de, A> {
    type Error = A::Error;

    fn read<T: DeserializeOwned>(self) -> Result<T, A::Error> {
        self.0.next_value()
    }
}

impl Waiting for serde_json::Value {
    type Error = serde_json::Error;

    fn read<T: DeserializeOwned>(self) -> Result<T, serde_json::Error> {
        serde_json::from_value(self)
    }
}

impl Kind {
    fn value<R: Waiting>(self, result: R) -> Result<QueryValue, R::Error> {
        Ok(match self {
            Self::Scalar => {
                let (t, v): (Moment, Number) = result.read()?;
                QueryValue::Scalar(Sample { t_ms: t.0, v: v.0 })
            }
            Self::String => {
                let (t, value): (Moment, String) = result.read()?;
                QueryValue::String { t_ms: t.0, value }
            }
            Self::Vector => vector(result.read()?).map_err(R::Error::custom)?,
            Self::Matrix => matrix(result.read()?).map_err(R::Error::custom)?,
        })
    }
}

fn vector(rows: Vec<VectorRow>) -> Result<QueryValue, String> {
    let mut at_ms = 0;
    let mut elements = Vec::with_capacity(rows.len());
    for row in rows {
        let (t, point) = match (row.value, row.histogram) {
            (Some((t, v)), _) => (t, Point::Float(v.0)),
            (None, Some((t, h))) => (t, Point::Histogram(Arc::new(h.build()))),
            (None, None) => return Err("an element of a vector has no value".to_owned()),
        };
        at_ms = t.0;
        elements.push((Labels::from_pairs(row.metric), point));
    }
    let value = QueryValue::PointVector { t_ms: at_ms, elements };
    let has_histograms = |(_, point): &(Labels, Point)| matches!(point, Point::Histogram(_));
    Ok(match &value {
        QueryValue::PointVector { elements, .. } if elements.iter().any(has_histograms) => value,
        _ => value.floats().0,
    })
}

fn matrix(rows: Vec<MatrixRow>) -> Result<QueryValue, String> {
    let has_histograms = rows.iter().any(|r| !r.histograms.is_empty());
    let histogram = |(t, h): (Moment, histogram::Told)| HistogramSample { t_ms: t.0, h: Arc::new(h.build()) };
    let series = |row: MatrixRow| PointSeries {
        labels: Labels::from_pairs(row.metric),
        samples: row.values.into_iter().map(|(t, v)| Sample { t_ms: t.0, v: v.0 }).collect(),
        histograms: row.histograms.into_iter().map(histogram).collect(),
    };
    let value = QueryValue::PointMatrix(rows.into_iter().map(series).collect());
    Ok(if has_histograms { value } else { value.floats().0 })
}

struct DataVisitor;

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(DataVisitor)
    }
}

impl<'de> de::Visitor<'de> for DataVisitor {
    type Value = Data;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the result of a query")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Data, A::Error> {
        let (mut kind, mut value, mut early, mut statistics) = (None::<Kind>, None, None, None);
        while let Some(key) = map.next_key::<String>()? {
            match (key.as_str(), kind) {
                ("resultType", _) => kind = Some(map.next_value()?),
                ("result", Some(kind)) => value = Some(kind.value(Next(&mut map, PhantomData))?),
                ("result", None) => early = Some(map.next_value::<serde_json::Value>()?),
                ("stats", _) => statistics = map.next_value()?,
                _ => {
                    map.next_value::<de::IgnoredAny>()?;
                }
            }
        }
        if let (Some(kind), Some(result)) = (kind, early) {
            value = Some(kind.value(result).map_err(A::Error::custom)?);
        }
        let value = value.ok_or_else(|| A::Error::missing_field("result"))?;
        Ok(Data { value, statistics })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Data {
        serde_json::from_str(text).unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn each_type_is_read() {
        let scalar = read(r#"{"resultType":"scalar","result":[1.5,"+Inf"]}"#).value;
        assert_eq!(scalar, QueryValue::Scalar(Sample { t_ms: 1500, v: f64::INFINITY }));
        let text = read(r#"{"result":[2,"x"],"resultType":"string","analysis":{}}"#).value;
        assert_eq!(text, QueryValue::String { t_ms: 2000, value: "x".to_owned() });
        let vector = read(r#"{"resultType":"vector","result":[{"metric":{"a":"b"},"value":[1,"2"]}]}"#).value;
        let labels = Labels::from_pairs([("a", "b")]);
        assert_eq!(vector, QueryValue::Vector(vec![(labels, Sample { t_ms: 1000, v: 2.0 })]));
        assert_eq!(read(r#"{"resultType":"matrix","result":[]}"#).value, QueryValue::Matrix(Vec::new()));
    }

    #[test]
    fn histograms_stand_beside_floats() {
        let h = r#"{"count":"3","sum":"4.5","buckets":[[0,"1","2","3"]]}"#;
        let text = format!(
            r#"{{"resultType":"vector","result":[{{"metric":{{}},"histogram":[1,{h}]}},{{"metric":{{}},"value":[1,"2"]}}]}}"#
        );
        let QueryValue::PointVector { t_ms: 1000, elements } = read(&text).value else { panic!("{text}") };
        let Point::Histogram(histogram) = &elements[0].1 else { panic!("no histogram") };
        assert_eq!((histogram.count, histogram.sum, elements.len()), (3.0, 4.5, 2));
        let text = format!(
            r#"{{"resultType":"matrix","result":[{{"metric":{{}},"values":[[1,"7"]],"histograms":[[2,{h}]]}}]}}"#
        );
        let QueryValue::PointMatrix(series) = read(&text).value else { panic!("{text}") };
        assert_eq!((series[0].samples[0].v, series[0].histograms[0].t_ms), (7.0, 2000));
    }

    #[test]
    fn what_is_no_result_is_refused() {
        for text in [
            r#"{"resultType":"vector"}"#,
            r#"{"resultType":"other","result":[]}"#,
            r#"{"resultType":"vector","result":[{"metric":{}}]}"#,
            r#"{"resultType":"scalar","result":[1,"x"]}"#,
            "[]",
        ] {
            assert!(serde_json::from_str::<Data>(text).is_err(), "{text}");
        }
    }
}
