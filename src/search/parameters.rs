//! The parameters of a search as data: names, ranges, names of values. What lists, reads or writes
//! all of them (JSON, bindings) goes by this table.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::aggregation::Aggregation;
use super::config::{
    BATCH_SIZE, BUDGET, CELLS, CHANNELS, Config, DRAW_GROWTH, DeviceKind, IMAGE_SIZE, LAST_GPU,
    PRUNE_PER_EDGE, REDUCTION, REPEATS, RUNGS, SCORE_DECIMALS, Sampling, Strategy, THREADS,
};
use crate::compute::LIBTORCH_VERSION;
use crate::data::DatasetKind;
use crate::error::{Error, Result, check_range};
use crate::message::clip;
use crate::network::{Init, Supernet};
use crate::proxy::{self, Proxy, ProxyNetwork};
use crate::space::SpaceKind;

/// One parameter. All values are whole numbers; those of a choice are the numbers of the C ABI.
#[derive(Debug)]
pub struct Parameter {
    /// Its name, as in the setters.
    pub name: &'static str,
    /// Smallest value.
    pub minimum: u64,
    /// Largest value that this build takes.
    pub maximum: u64,
    /// The names of the values, from `minimum` on, if it is a choice.
    pub choices: Option<&'static [&'static str]>,
    /// Whether it decides what a search finds, and not only where and how soon.
    pub decides: bool,
    /// The strategy that alone reads it; `None` for all.
    pub strategy: Option<Strategy>,
    get: fn(&Config) -> u64,
    set: fn(&mut Config, u64) -> Result<()>,
}

const STRATEGIES: [Strategy; 2] = [Strategy::Prune, Strategy::Rank];
const AGGREGATIONS: [Aggregation; 2] = [Aggregation::LogRanks, Aggregation::Ranks];
const INITS: [Init; 2] = [Init::KaimingNormal, Init::TorchDefault];
const SAMPLINGS: [Sampling; 2] = [Sampling::Common, Sampling::Independent];
const DEVICES: [DeviceKind; 4] =
    [DeviceKind::Auto, DeviceKind::Cpu, DeviceKind::Cuda, DeviceKind::TorchCpu];
/// Names of [`DEVICES`].
const DEVICE_NAMES: [&str; 4] = ["auto", "cpu", "cuda", "torch-cpu"];

/// All parameters but the space and the data set, which a configuration is made from.
/// The strategy stands first, since presets follow it.
pub static PARAMETERS: [Parameter; 20] = [
    Parameter {
        name: "strategy",
        minimum: 1,
        maximum: STRATEGIES.len() as u64,
        choices: Some(&["prune", "rank"]),
        decides: true,
        strategy: None,
        get: |c| c.strategy() as u64,
        set: |c, v| {
            c.set_strategy(STRATEGIES[v as usize - 1]);
            Ok(())
        },
    },
    Parameter {
        name: "seed",
        minimum: 0,
        maximum: u64::MAX,
        choices: None,
        decides: true,
        strategy: None,
        get: |c| c.seed(),
        set: |c, v| {
            c.set_seed(v);
            Ok(())
        },
    },
    Parameter {
        name: "repeats",
        minimum: *REPEATS.start() as u64,
        maximum: *REPEATS.end() as u64,
        choices: None,
        decides: true,
        strategy: Some(Strategy::Prune),
        get: |c| c.repeats().into(),
        set: |c, v| c.set_repeats(v as u32),
    },
    Parameter {
        name: "batch_size",
        minimum: *BATCH_SIZE.start() as u64,
        maximum: *BATCH_SIZE.end() as u64,
        choices: None,
        decides: true,
        strategy: None,
        get: |c| c.batch_size().into(),
        set: |c, v| c.set_batch_size(v as u32),
    },
    Parameter {
        name: "prune_per_edge",
        minimum: *PRUNE_PER_EDGE.start() as u64,
        maximum: *PRUNE_PER_EDGE.end() as u64,
        choices: None,
        decides: true,
        strategy: Some(Strategy::Prune),
        get: |c| c.prune_per_edge().into(),
        set: |c, v| c.set_prune_per_edge(v as u32),
    },
    Parameter {
        name: "score_decimals",
        minimum: *SCORE_DECIMALS.start() as u64,
        maximum: *SCORE_DECIMALS.end() as u64,
        choices: None,
        decides: true,
        strategy: Some(Strategy::Prune),
        get: |c| c.score_decimals().into(),
        set: |c, v| c.set_score_decimals(v as u32),
    },
    Parameter {
        name: "init",
        minimum: 1,
        maximum: INITS.len() as u64,
        choices: Some(&["kaiming_normal", "torch_default"]),
        decides: true,
        strategy: None,
        get: |c| c.init() as u64,
        set: |c, v| {
            c.set_init(INITS[v as usize - 1]);
            Ok(())
        },
    },
    Parameter {
        name: "sampling",
        minimum: 1,
        maximum: SAMPLINGS.len() as u64,
        choices: Some(&["common", "independent"]),
        decides: true,
        strategy: Some(Strategy::Prune),
        get: |c| c.sampling() as u64,
        set: |c, v| {
            c.set_sampling(SAMPLINGS[v as usize - 1]);
            Ok(())
        },
    },
    Parameter {
        name: "channels",
        minimum: 0,
        maximum: CHANNELS as u64,
        choices: None,
        decides: true,
        strategy: None,
        get: |c| c.proxy_network(None).channels.into(),
        set: |c, v| resize(c, |n| n.channels = v as u32),
    },
    Parameter {
        name: "cells",
        minimum: 0,
        maximum: CELLS as u64,
        choices: None,
        decides: true,
        strategy: None,
        get: |c| c.proxy_network(None).cells.into(),
        set: |c, v| resize(c, |n| n.cells = v as u32),
    },
    Parameter {
        name: "image_size",
        minimum: 0,
        maximum: IMAGE_SIZE as u64,
        choices: None,
        decides: true,
        strategy: None,
        get: |c| c.proxy_network(None).image_size.into(),
        set: |c, v| resize(c, |n| n.image_size = v as u32),
    },
    Parameter {
        name: "proxy_batch_size",
        minimum: 0,
        maximum: *BATCH_SIZE.end() as u64,
        choices: None,
        decides: true,
        strategy: None,
        get: |c| c.proxy_network(None).batch_size.into(),
        set: |c, v| resize(c, |n| n.batch_size = v as u32),
    },
    Parameter {
        name: "aggregation",
        minimum: 1,
        maximum: AGGREGATIONS.len() as u64,
        choices: Some(&["log_ranks", "ranks"]),
        decides: true,
        strategy: Some(Strategy::Rank),
        get: |c| c.aggregation() as u64,
        set: |c, v| {
            c.set_aggregation(AGGREGATIONS[v as usize - 1]);
            Ok(())
        },
    },
    Parameter {
        name: "budget",
        minimum: *BUDGET.start() as u64,
        maximum: *BUDGET.end() as u64,
        choices: None,
        decides: true,
        strategy: Some(Strategy::Rank),
        get: |c| c.budget().into(),
        set: |c, v| c.set_budget(v as u32),
    },
    Parameter {
        name: "rungs",
        minimum: *RUNGS.start() as u64,
        maximum: *RUNGS.end() as u64,
        choices: None,
        decides: true,
        strategy: Some(Strategy::Rank),
        get: |c| c.rungs().into(),
        set: |c, v| c.set_rungs(v as u32),
    },
    Parameter {
        name: "reduction",
        minimum: *REDUCTION.start() as u64,
        maximum: *REDUCTION.end() as u64,
        choices: None,
        decides: true,
        strategy: Some(Strategy::Rank),
        get: |c| c.reduction().into(),
        set: |c, v| c.set_reduction(v as u32),
    },
    Parameter {
        name: "draw_growth",
        minimum: *DRAW_GROWTH.start() as u64,
        maximum: *DRAW_GROWTH.end() as u64,
        choices: None,
        decides: true,
        strategy: Some(Strategy::Rank),
        get: |c| c.draw_growth().into(),
        set: |c, v| c.set_draw_growth(v as u32),
    },
    Parameter {
        name: "threads",
        minimum: *THREADS.start() as u64,
        maximum: *THREADS.end() as u64,
        choices: None,
        decides: false,
        strategy: None,
        get: |c| c.threads().into(),
        set: |c, v| c.set_threads(v as u32),
    },
    // Another kind begins at its first device.
    Parameter {
        name: "device",
        minimum: 0,
        maximum: match LIBTORCH_VERSION {
            Some(_) => DeviceKind::TorchCpu as u64,
            None => DeviceKind::Cpu as u64,
        },
        choices: Some(&DEVICE_NAMES),
        decides: false,
        strategy: None,
        get: |c| c.device().0 as u64,
        set: |c, v| c.set_device(DEVICES[v as usize], 0),
    },
    // Above 0 for "cuda" alone.
    Parameter {
        name: "device_index",
        minimum: 0,
        maximum: match LIBTORCH_VERSION {
            Some(_) => LAST_GPU as u64,
            None => 0,
        },
        choices: None,
        decides: false,
        strategy: None,
        get: |c| u64::from(c.device().1.unsigned_abs()),
        set: |c, v| c.set_device(c.device().0, v as i32),
    },
];

/// Changes the size of all proxy networks.
fn resize(config: &mut Config, change: impl FnOnce(&mut ProxyNetwork)) -> Result<()> {
    let mut size = config.proxy_network(None);
    change(&mut size);
    config.set_proxy_network(None, size)
}

impl Parameter {
    /// The parameter of that name.
    pub fn named(name: &str) -> Result<&'static Self> {
        PARAMETERS.iter().find(|p| p.name == name).ok_or_else(|| {
            let names: Vec<&str> = PARAMETERS.iter().map(|p| p.name).collect();
            Error::NotFound(format!(
                "parameter: found \"{}\", expected one of {}",
                clip(name),
                names.join(", ")
            ))
        })
    }

    /// Its value.
    pub fn get(&self, config: &Config) -> u64 {
        (self.get)(config)
    }

    /// Changes it; a value that is refused changes nothing.
    pub fn set(&self, config: &mut Config, value: u64) -> Result<()> {
        // A device that exists, but not in this build, has an error of its own.
        let last = self.choices.map_or(self.maximum, |c| self.minimum + c.len() as u64 - 1);
        check_range(self.name, value, self.minimum..=last)?;
        (self.set)(config, value)
    }

    /// The value as JSON: a choice by its name.
    fn to_json(&self, config: &Config) -> Value {
        let value = self.get(config);
        match self.choices {
            Some(choices) => json!(choices[(value - self.minimum) as usize]),
            None => json!(value),
        }
    }

    fn set_json(&self, config: &mut Config, value: &Value) -> Result<()> {
        let number = match self.choices {
            None => value.as_u64(),
            Some(choices) => {
                let name = value.as_str();
                let place = choices.iter().position(|c| Some(*c) == name);
                place.map(|i| self.minimum + i as u64)
            }
        };
        let Some(number) = number else {
            let expected = match self.choices {
                None => format!("a whole number, {} to {}", self.minimum, self.maximum),
                Some(choices) => format!("one of {}", quoted(choices.iter().copied())),
            };
            return Err(fault(self.name, Some(value), &expected));
        };
        self.set(config, number).map_err(as_format)
    }
}

/// JSON's keys of what is no single number.
const PROXIES: &str = "proxies";
const PROXY_NETWORKS: &str = "proxy_networks";

/// A value that is refused, as a fault of the text that it is from.
fn as_format(error: Error) -> Error {
    match error {
        Error::InvalidArgument(text) => Error::Format(text),
        other => other,
    }
}

fn network_to_json(size: ProxyNetwork) -> Value {
    let ProxyNetwork { channels, cells, image_size, batch_size } = size;
    json!({
        "channels": channels,
        "cells": cells,
        "image_size": image_size,
        "batch_size": batch_size,
    })
}

/// What [`network_to_json`] writes; what is left out is 0.
fn network_of_json(proxy: &str, json: &Value) -> Result<ProxyNetwork> {
    let at = |key: &str| format!("{PROXY_NETWORKS}.{proxy}{key}");
    let Some(object) = json.as_object() else {
        return Err(fault(&at(""), Some(json), "an object of sizes"));
    };
    let mut size = ProxyNetwork::default();
    for (key, value) in object {
        let place = match key.as_str() {
            "channels" => &mut size.channels,
            "cells" => &mut size.cells,
            "image_size" => &mut size.image_size,
            "batch_size" => &mut size.batch_size,
            _ => {
                let expected = "only channels, cells, image_size and batch_size";
                return Err(fault(&at(""), Some(&json!(key)), expected));
            }
        };
        let number = value.as_u64().and_then(|v| u32::try_from(v).ok());
        *place =
            number.ok_or_else(|| fault(&at(&format!(".{key}")), Some(value), "a whole number"))?;
    }
    Ok(size)
}

/// Proxies by their names: those of `own`, or else built-in ones.
fn proxies_of(names: &Value, own: &[Arc<dyn Proxy>]) -> Result<Vec<Arc<dyn Proxy>>> {
    let Some(names) = names.as_array() else {
        return Err(fault(PROXIES, Some(names), "a list of names"));
    };
    let named = |name: &Value| {
        let Some(name) = name.as_str() else {
            return Err(fault(PROXIES, Some(name), "a list of names"));
        };
        match own.iter().find(|p| p.name() == name) {
            Some(own) => Ok(own.clone()),
            None => proxy::named(name).map_err(|error| match error {
                Error::NotFound(text) => Error::Format(text),
                other => other,
            }),
        }
    };
    names.iter().map(named).collect()
}

impl Config {
    /// All of it as JSON: the space and the data set by name, then every parameter, the names of the
    /// proxies, and the sizes of the networks that single proxies have.
    pub fn to_json(&self) -> Value {
        let mut json = Map::new();
        json.insert("space".into(), self.supernet().space.name.into());
        json.insert("dataset".into(), self.dataset().name().into());
        for parameter in &PARAMETERS {
            json.insert(parameter.name.into(), parameter.to_json(self));
        }
        let names: Vec<&str> = self.proxies().iter().map(|p| p.name()).collect();
        json.insert(PROXIES.into(), names.into());
        let networks = self.proxy_networks().iter();
        let networks = networks.map(|(name, size)| (name.clone(), network_to_json(*size)));
        json.insert(PROXY_NETWORKS.into(), Value::Object(networks.collect()));
        Value::Object(json)
    }

    /// What [`to_json`](Self::to_json) writes. Only the space and the data set must be there: what
    /// is left out is that of their preset.
    ///
    /// Errors: [`Error::Format`] naming the key, what was found and what was expected;
    /// [`Error::Device`] for a device that is not in this build.
    pub fn from_json(json: &Value) -> Result<Self> {
        Self::from_json_with(None, &[], json)
    }

    /// The same for a supernet that need not be built in, but must have the space's name; proxies
    /// are those of `own` and the built-in ones.
    pub fn from_json_with(
        supernet: Option<Arc<Supernet>>,
        own: &[Arc<dyn Proxy>],
        json: &Value,
    ) -> Result<Self> {
        let supernet = match supernet {
            Some(supernet) => supernet,
            None => Arc::new(Supernet::of(space_of(json)?)),
        };
        let object = object(json)?;
        if text_of(object, "space")? != supernet.space.name {
            return Err(fault("space", json.get("space"), &quoted([supernet.space.name])));
        }
        let name = text_of(object, "dataset")?;
        let kinds = || DatasetKind::ALL.into_iter().chain([DatasetKind::Custom]);
        let kind = kinds().find(|kind| kind.name() == name).ok_or_else(|| {
            let expected = format!("one of {}", quoted(kinds().map(DatasetKind::name)));
            fault("dataset", json.get("dataset"), &expected)
        })?;
        let mut config = Config::for_supernet(supernet, kind);
        for parameter in &PARAMETERS {
            if let Some(value) = object.get(parameter.name) {
                parameter.set_json(&mut config, value)?;
            }
        }
        if let Some(names) = object.get(PROXIES) {
            config.set_proxies(&proxies_of(names, own)?).map_err(as_format)?;
        }
        if let Some(networks) = object.get(PROXY_NETWORKS) {
            let Some(networks) = networks.as_object() else {
                return Err(fault(PROXY_NETWORKS, Some(networks), "an object of proxies"));
            };
            for (name, size) in networks {
                let size = network_of_json(name, size)?;
                config.set_proxy_network(Some(name), size).map_err(|e| match as_format(e) {
                    Error::Format(text) => Error::Format(format!("{PROXY_NETWORKS}.{name}.{text}")),
                    other => other,
                })?;
            }
        }
        let others = ["space", "dataset", PROXIES, PROXY_NETWORKS];
        let known = |key: &str| others.contains(&key) || PARAMETERS.iter().any(|p| p.name == key);
        if let Some(key) = object.keys().find(|key| !known(key)) {
            let names = others.into_iter().chain(PARAMETERS.iter().map(|p| p.name));
            return Err(Error::Format(format!(
                "found the key {}, expected only {}",
                shown(&json!(key)),
                quoted(names)
            )));
        }
        Ok(config)
    }

    /// What decides the result, as a text: the same for equal searches, whatever the machine.
    pub(super) fn identity(&self) -> String {
        let space = &self.supernet().space;
        let mut text = format!(
            "space={}\noperations={}\ndataset={}\n",
            space.name,
            space.operations.join(","),
            self.dataset().name()
        );
        let strategy = self.strategy();
        let read = |p: &&Parameter| p.decides && p.strategy.is_none_or(|s| s == strategy);
        for parameter in PARAMETERS.iter().filter(read) {
            text += &format!("{}={}\n", parameter.name, parameter.get(self));
        }
        if strategy == Strategy::Rank {
            let names: Vec<&str> = self.proxies().iter().map(|p| p.name()).collect();
            text += &format!("{PROXIES}={}\n", names.join(","));
        }
        for (name, size) in self.proxy_networks() {
            text += &format!("network={name}:{}\n", network_to_json(*size));
        }
        text
    }
}

/// The built-in space that a configuration is of.
fn space_of(json: &Value) -> Result<SpaceKind> {
    let name = text_of(object(json)?, "space")?;
    let kinds = SpaceKind::ALL;
    kinds.into_iter().find(|kind| kind.space().name == name).ok_or_else(|| {
        let names: Vec<&str> = kinds.iter().map(|kind| kind.space().name).collect();
        let expected = format!("one of {}", quoted(names.into_iter()));
        fault("space", json.get("space"), &expected)
    })
}

fn object(json: &Value) -> Result<&Map<String, Value>> {
    json.as_object().ok_or_else(|| {
        Error::Format(format!("found {}, expected an object of parameters", shown(json)))
    })
}

fn text_of<'a>(object: &'a Map<String, Value>, key: &str) -> Result<&'a str> {
    let value = object.get(key);
    value.and_then(Value::as_str).ok_or_else(|| fault(key, value, "a name"))
}

fn fault(key: &str, found: Option<&Value>, expected: &str) -> Error {
    let found = found.map_or_else(|| "nothing".to_owned(), shown);
    Error::Format(format!("{key}: found {found}, expected {expected}"))
}

/// A value as a message shows it.
fn shown(value: &Value) -> String {
    clip(&value.to_string())
}

fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("\"{name}\"")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_takes_its_range_and_nothing_else() {
        let mut config = Config::new(SpaceKind::NasBench201, DatasetKind::Cifar10);
        config.set_device(DeviceKind::Cpu, 0).unwrap();
        for p in &PARAMETERS {
            // Only CUDA has an index.
            let maximum = if p.name == "device_index" { 0 } else { p.maximum };
            for value in [p.minimum, maximum] {
                p.set(&mut config, value).unwrap();
                assert_eq!(p.get(&config), value, "{}", p.name);
                let again = Config::from_json(&config.to_json()).unwrap();
                assert_eq!(again.to_json(), config.to_json());
            }
            let beyond = [p.minimum.checked_sub(1), p.maximum.checked_add(1)];
            for value in beyond.into_iter().flatten() {
                let before = config.to_json();
                let error = p.set(&mut config, value).unwrap_err().to_string();
                assert!(error.contains(p.name) || error.contains("torch"), "{error}");
                assert_eq!(config.to_json(), before);
            }
        }
    }

    #[test]
    fn what_is_left_out_is_the_presets() {
        let json = json!({"space": "darts", "dataset": "imagenet-1k", "seed": u64::MAX});
        let config = Config::from_json(&json).unwrap();
        assert_eq!([config.batch_size(), config.prune_per_edge()], [24, 2]);
        assert_eq!(config.seed(), u64::MAX);
    }

    #[test]
    fn faults_are_named() {
        for (json, words) in [
            (json!(7), "found 7, expected an object"),
            (json!({"dataset": "cifar10"}), "space: found nothing"),
            (json!({"space": "x", "dataset": "cifar10"}), "space: found \"x\", expected one of"),
            (json!({"space": "darts", "dataset": "mnist"}), "dataset: found \"mnist\""),
            (json!({"space": "darts", "dataset": "custom", "repeats": 0}), "repeats: found 0"),
            (json!({"space": "darts", "dataset": "custom", "seed": -1}), "seed: found -1"),
            (json!({"space": "darts", "dataset": "custom", "seed": 1.5}), "seed: found 1.5"),
            (json!({"space": "darts", "dataset": "custom", "init": 1}), "init: found 1"),
            (json!({"space": "darts", "dataset": "custom", "sede": 1}), "the key \"sede\""),
        ] {
            match Config::from_json(&json) {
                Err(Error::Format(text)) => assert!(text.contains(words), "{text}"),
                other => panic!("{json}: {other:?}"),
            }
        }
    }
}
