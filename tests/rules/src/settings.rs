//! How strict and how slow AWS is in a run.

use crate::quotas;
use std::collections::BTreeMap;

/// The settings of a run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long what takes AWS time takes here: 1 for real time, less for a quicker run.
    pub time_scale: f64,
    /// The part of AWS's usual latency that each call takes: 0 for none.
    pub latency: f64,
    /// How long a read may not see a write yet, in seconds of real time.
    pub read_lag: f64,
    /// Limits by Service Quotas code, where another than AWS's default is meant; `u32::MAX`: none.
    pub quotas: BTreeMap<String, u32>,
    /// Whether calls are throttled per API.
    pub throttling: bool,
    /// Whether what a run was not asked for happens all the same: see [`Settings::default`].
    pub misfortunes: Misfortunes,
}

/// What goes wrong at AWS itself in a run.
#[derive(Clone, Debug, Default)]
pub struct Misfortunes {
    /// NAT gateways fail with this code.
    pub nat_gateway_fails: Option<String>,
    /// Tasks of services stop as soon as they have started.
    pub tasks_crash: bool,
    /// Tasks of services find no place.
    pub tasks_are_unplaceable: bool,
    /// Tasks run, and no worker in them reaches Prefect.
    pub workers_stay_offline: bool,
}

impl Default for Settings {
    /// AWS as it is, without a lag, throttling or misfortune.
    fn default() -> Settings {
        Settings {
            time_scale: 1.0,
            latency: 0.0,
            read_lag: 0.0,
            quotas: BTreeMap::new(),
            throttling: false,
            misfortunes: Misfortunes::default(),
        }
    }
}

impl Settings {
    /// AWS where it makes nobody wait and refuses nothing for its number or its rate: what a run does under these is
    /// what it does on the local cloud, but for what AWS refuses at any time.
    pub fn lenient() -> Settings {
        let quotas = quotas::codes().map(|code| (code.to_owned(), u32::MAX)).collect();
        Settings { time_scale: 0.0, quotas, ..Settings::default() }
    }
}
