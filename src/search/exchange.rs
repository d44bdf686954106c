//! Scores as JSON, as they travel between searches in other processes, languages or machines.

use serde::{Deserialize, Serialize};

use super::context::Evaluation;
use super::rank::Measured;
use super::scoring::Score;
use crate::document;
use crate::error::{Error, Result, room_for, room_for_json};
use crate::space::Choice;

/// The version of both documents; a larger one is refused as newer.
const VERSION: u32 = 1;
/// What a document of [`Evaluation`]s is.
const SCORES: &str = "tenas scores";
/// What a document of [`Measured`]s is.
const MEASUREMENTS: &str = "tenas measurements";

/// Bytes that one score takes as it is written, and in a text that may have grown to twice its length.
const SCORE_BYTES: usize = 1024;
/// The same of one value of a measurement.
const VALUE_BYTES: usize = 64;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScoresDocument {
    format: String,
    version: u32,
    scores: Vec<ScoreText>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MeasurementsDocument {
    format: String,
    version: u32,
    measurements: Vec<MeasurementText>,
}

/// An [`Evaluation`] as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScoreText {
    #[serde(with = "hexadecimal")]
    digest: u64,
    round: u32,
    cell: u32,
    edge: u32,
    operation: u32,
    ntk_delta: f64,
    regions_delta: f64,
    ntk_now: f64,
    ntk_without: f64,
    regions_now: f64,
    regions_without: f64,
}

/// A [`Measured`] as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MeasurementText {
    #[serde(with = "hexadecimal")]
    digest: u64,
    round: u32,
    candidate: u32,
    draw: u32,
    values: Vec<f64>,
}

/// A digest as 16 digits: many readers of JSON keep no whole numbers of 64 bits.
mod hexadecimal {
    use serde::de::{Error, Unexpected};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(digest: &u64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("{digest:016x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        let text = String::deserialize(from)?;
        let digits = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let digest = u64::from_str_radix(&text, 16).ok().filter(|_| digits);
        digest.ok_or_else(|| {
            D::Error::invalid_value(Unexpected::Str(&text), &"16 hexadecimal digits")
        })
    }
}

impl ScoreText {
    fn new(e: &Evaluation) -> Self {
        let Score { choice, .. } = e.score;
        ScoreText {
            digest: e.digest,
            round: e.round,
            cell: choice.cell as u32,
            edge: choice.edge as u32,
            operation: choice.operation as u32,
            ntk_delta: e.score.ntk_delta,
            regions_delta: e.score.regions_delta,
            ntk_now: e.score.ntk_now,
            ntk_without: e.score.ntk_without,
            regions_now: e.score.regions_now,
            regions_without: e.score.regions_without,
        }
    }

    fn evaluation(&self) -> Evaluation {
        let [cell, edge, operation] = [self.cell, self.edge, self.operation].map(|n| n as usize);
        Evaluation {
            digest: self.digest,
            round: self.round,
            score: Score {
                choice: Choice { cell, edge, operation },
                ntk_delta: self.ntk_delta,
                regions_delta: self.regions_delta,
                ntk_now: self.ntk_now,
                ntk_without: self.ntk_without,
                regions_now: self.regions_now,
                regions_without: self.regions_without,
            },
        }
    }

    fn numbers(&self) -> [(&'static str, f64); 6] {
        [
            ("ntk_delta", self.ntk_delta),
            ("regions_delta", self.regions_delta),
            ("ntk_now", self.ntk_now),
            ("ntk_without", self.ntk_without),
            ("regions_now", self.regions_now),
            ("regions_without", self.regions_without),
        ]
    }
}

/// JSON has no other numbers, and no search takes them.
fn check_finite(place: impl Fn() -> String, value: f64) -> Result<()> {
    if value.is_finite() {
        return Ok(());
    }
    Err(Error::InvalidArgument(format!("{}: found {value}, expected a finite number", place())))
}

fn written(document: &impl Serialize) -> Result<String> {
    serde_json::to_string(document).map_err(|e| Error::Internal(format!("scores as JSON: {e}")))
}

fn read<T: serde::de::DeserializeOwned>(text: &str, format: &str) -> Result<T> {
    room_for_json(text.len(), || format!("JSON of {} bytes", text.len()))?;
    document::parse(text, format, VERSION).map_err(Error::Format)
}

/// Scores of candidates as JSON: an object with `format` ("tenas scores"), `version` (1) and `scores`, a
/// list of objects with the digest as 16 hexadecimal digits, the round, the numbers of cell, edge and
/// operation, and the values. Numbers read back as the same doubles.
///
/// Errors: [`Error::InvalidArgument`] for a value that is not finite.
pub fn scores_to_json(scores: &[Evaluation]) -> Result<String> {
    room_for(SCORE_BYTES * scores.len(), || format!("{} scores as JSON", scores.len()))?;
    let scores: Vec<ScoreText> = scores.iter().map(ScoreText::new).collect();
    for (i, score) in scores.iter().enumerate() {
        for (name, value) in score.numbers() {
            check_finite(|| format!("scores[{i}].{name}"), value)?;
        }
    }
    written(&ScoresDocument { format: SCORES.into(), version: VERSION, scores })
}

/// Reads what [`scores_to_json`] writes. Whether the scores belong to a search, its
/// [`apply`](super::Context::apply) says.
///
/// Errors: [`Error::Format`] with the place in the JSON, what was found and what was expected;
/// [`Error::OutOfMemory`].
pub fn scores_from_json(text: &str) -> Result<Vec<Evaluation>> {
    let document: ScoresDocument = read(text, SCORES)?;
    Ok(document.scores.iter().map(ScoreText::evaluation).collect())
}

/// Measurements of candidates as JSON: an object with `format` ("tenas measurements"), `version` (1) and
/// `measurements`, a list of objects with the digest as 16 hexadecimal digits, the round, the
/// candidate's place in it, the draw, and the values in the order of the configuration's scores. Numbers
/// read back as the same doubles.
///
/// Errors: [`Error::InvalidArgument`] for a value that is not finite.
pub fn measurements_to_json(measurements: &[Measured]) -> Result<String> {
    let values: usize = measurements.iter().map(|m| m.values.len()).sum();
    let bytes = SCORE_BYTES * measurements.len() + VALUE_BYTES * values;
    room_for(bytes, || format!("{} measurements as JSON", measurements.len()))?;
    let mut all = Vec::new();
    for (i, m) in measurements.iter().enumerate() {
        for (n, value) in m.values.iter().enumerate() {
            check_finite(|| format!("measurements[{i}].values[{n}]"), *value)?;
        }
        let Measured { digest, round, candidate, draw, ref values } = *m;
        all.push(MeasurementText { digest, round, candidate, draw, values: values.clone() });
    }
    written(&MeasurementsDocument {
        format: MEASUREMENTS.into(),
        version: VERSION,
        measurements: all,
    })
}

/// Reads what [`measurements_to_json`] writes. Whether the measurements belong to a search, its
/// [`settle`](super::Context::settle) says.
///
/// Errors: those of [`scores_from_json`].
pub fn measurements_from_json(text: &str) -> Result<Vec<Measured>> {
    let document: MeasurementsDocument = read(text, MEASUREMENTS)?;
    let measured = |m: MeasurementText| Measured {
        digest: m.digest,
        round: m.round,
        candidate: m.candidate,
        draw: m.draw,
        values: m.values,
    };
    Ok(document.measurements.into_iter().map(measured).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score() -> Evaluation {
        Evaluation {
            digest: u64::MAX - 1,
            round: 2,
            score: Score {
                choice: Choice { cell: 1, edge: 13, operation: 7 },
                ntk_delta: -0.1,
                regions_delta: 1.0 / 3.0,
                ntk_now: f64::MAX,
                ntk_without: f64::MIN_POSITIVE / 8.0,
                regions_now: 2.0,
                regions_without: -0.0,
            },
        }
    }

    fn measured() -> Measured {
        Measured { digest: 7, round: 0, candidate: 6465, draw: 3, values: vec![0.1, -1e-300, 4.0] }
    }

    #[test]
    fn scores_come_back_to_the_last_bit() {
        let json = scores_to_json(&[score(), score()]).expect("JSON");
        assert!(json.contains("\"digest\":\"fffffffffffffffe\""), "{json}");
        let back = scores_from_json(&json).expect("scores");
        assert_eq!(back, [score(), score()]);
        assert_eq!(back[0].score.regions_without.to_bits(), (-0.0f64).to_bits());
        let json = measurements_to_json(&[measured()]).expect("JSON");
        assert_eq!(measurements_from_json(&json).expect("measurements"), [measured()]);
        assert_eq!(scores_from_json(&scores_to_json(&[]).expect("JSON")).expect("scores"), []);
    }

    #[test]
    fn what_is_not_finite_is_refused() {
        let mut infinite = score();
        infinite.score.ntk_now = f64::INFINITY;
        let error = scores_to_json(&[score(), infinite]).expect_err("no number");
        let expected = "scores[1].ntk_now: found inf, expected a finite number";
        assert!(error.to_string().contains(expected), "{error}");
        let mut none = measured();
        none.values[2] = f64::NAN;
        let error = measurements_to_json(&[none]).expect_err("no number");
        let expected = "measurements[0].values[2]: found NaN, expected a finite number";
        assert!(error.to_string().contains(expected), "{error}");
    }

    #[test]
    fn wrong_documents_are_refused_with_their_place() {
        let scores = scores_to_json(&[score()]).expect("JSON");
        let measurements = measurements_to_json(&[measured()]).expect("JSON");
        let wrong = |from: &str, to: &str, expected: &str| {
            assert!(scores.contains(from) || measurements.contains(from), "{from}");
            for (json, error) in [
                (&scores, scores_from_json(&scores.replace(from, to)).map(drop)),
                (&measurements, measurements_from_json(&measurements.replace(from, to)).map(drop)),
            ] {
                if json.contains(from) {
                    let error = error.expect_err(expected).to_string();
                    assert!(error.contains(expected), "{error}; {expected}");
                }
            }
        };
        for (from, to, expected) in [
            ("\"tenas scores\"", "\"tenas space\"", "format: found \"tenas space\", expected"),
            ("tenas measurements", "tenas scores", "expected \"tenas measurements\""),
            ("\"version\":1", "\"version\":2", "version: found 2, expected at most 1"),
            ("\"version\":1", "\"version\":[]", "version: found [], expected 1"),
            ("fffffffffffffffe", "fff", "scores[0].digest: found string \"fff\", expected 16"),
            ("fffffffffffffffe", "+ffffffffffffffe", "expected 16 hexadecimal digits"),
            ("\"round\":2", "\"round\":-1", "scores[0].round: found integer `-1`"),
            ("\"cell\":1", "\"cell\":4294967296", "scores[0].cell: found integer `4294967296`"),
            ("\"edge\":13,", "", "scores[0]: found no key `edge`"),
            ("\"edge\":13", "\"edge\":13,\"more\":1", "found the key `more`"),
            ("\"edge\":13", "\"edge\":13,\"edge\":13", "found twice the key `edge`"),
            ("\"ntk_delta\":-0.1", "\"ntk_delta\":null", "scores[0].ntk_delta: found null"),
            ("\"ntk_delta\":-0.1", "\"ntk_delta\":1e999", "number out of range"),
            ("\"draw\":3", "\"draw\":\"three\"", "measurements[0].draw: found string"),
            ("[0.1,", "[\"0.1\",", "measurements[0].values[0]: found string \"0.1\""),
            ("]}", "]} ]", "found no whole JSON"),
            ("]}", "", "found no whole JSON"),
            ("{", "\u{1b}[2J{", "found no whole JSON"),
        ] {
            wrong(from, to, expected);
        }
    }
}
