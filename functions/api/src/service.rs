//! What every handler may use: the records, four clients, the resolver, the settings.

use crate::{
    asking,
    eta::Remembered,
    resolution::{Resolver, SystemResolver},
    settings::Settings,
};
use engine::{Clock, Error, Records, SdkConfig, SystemClock};
use executions::Executions;
use std::{sync::Arc, time::Duration};

/// What every handler may use. Built once, at the function's start.
#[derive(Clone, Debug)]
pub struct Service {
    pub(crate) records: Records,
    pub(crate) executions: Executions,
    pub(crate) secrets: aws_sdk_secretsmanager::Client,
    pub(crate) functions: aws_sdk_lambda::Client,
    pub(crate) prefect: prefect::Client,
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) budget: Duration,
    /// How often somebody who waits for news has the environment looked at.
    pub(crate) look_every: Duration,
    pub(crate) settings: Arc<Settings>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) remembered: Remembered,
}

impl Service {
    /// The service that the function's settings describe.
    pub fn new(config: &SdkConfig) -> Result<Self, Error> {
        let (records, settings) = (Records::from_environment(config)?, Settings::from_environment(config)?);
        Ok(Service::with(config, records, settings, Arc::new(SystemClock)))
    }

    /// The service over these records, with these settings and by this clock.
    pub fn with(config: &SdkConfig, records: Records, settings: Settings, clock: Arc<dyn Clock>) -> Self {
        Service {
            records,
            executions: Executions::new(config, &settings.state_machine_arn),
            secrets: aws_sdk_secretsmanager::Client::new(config),
            functions: aws_sdk_lambda::Client::new(config),
            // In tests the way to AWS is the way to Prefect, too.
            prefect: prefect::Client::new(config.http_client(), settings.local_cloud),
            resolver: Arc::new(SystemResolver),
            budget: asking::BUDGET,
            look_every: Duration::from_secs(1),
            settings: Arc::new(settings),
            clock,
            remembered: Remembered::default(),
        }
    }
}
