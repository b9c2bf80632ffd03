//! Service discovery: instances that register with a lease, live for a while, and end, some of them
//! without deregistering.

use std::time::Duration;

use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::context::{Actor, Context, Exit, Step, put};
use super::session::Session;

/// Seconds.
const TTL: i64 = 10;

/// An instance of a service; each round has its own address.
#[derive(Debug)]
pub(super) struct Instance {
    service: &'static str,
    host: u8,
    port: u16,
}

impl Instance {
    pub(super) fn new(service: &'static str, host: u8, port: u16) -> Self {
        Self {
            service,
            host,
            port,
        }
    }

    fn registration(&self, context: &mut Context, address: &str) -> String {
        let now = OffsetDateTime::now_utc().replace_nanosecond(0);
        let started = now.ok().and_then(|now| now.format(&Rfc3339).ok());
        let random = &mut context.random;
        json!({
            "service": self.service,
            "address": address,
            "version": random.choose(&["2.14.0", "2.14.1", "2.15.0-rc.2"]),
            "zone": random.choose(&["eu-central-1a", "eu-central-1b", "eu-central-1c"]),
            "weight": random.number(1..=4) * 25,
            "started": started,
        })
        .to_string()
    }
}

impl Actor for Instance {
    fn name(&self) -> String {
        format!("{} {}", self.service, self.host)
    }

    async fn round(&mut self, context: &mut Context) -> Step<()> {
        let seconds = Duration::from_secs;
        let random = &mut context.random;
        let port = self.port + random.number(0..=9) as u16;
        let lifetime = random.time(seconds(25)..=seconds(90));
        let pause = random.time(seconds(5)..=seconds(20));
        let crashes = random.one_in(2);

        let address = format!("10.0.3.{}:{port}", self.host);
        let key = format!("/services/{}/{address}", self.service);
        let value = self.registration(context, &address);
        let mut session = Session::open(context, TTL).await?;
        let registration = put(&key, &value, session.lease());
        context
            .call(context.etcd.put(&Context::caller(), registration))
            .await?;
        match session.during(context, context.sleep(lifetime)).await {
            // Revoked by a visitor: the same as a crash.
            Ok(()) | Err(Exit::LeaseLost) => {}
            Err(exit) => return Err(exit),
        }
        if !crashes {
            session.close(context).await?;
        }
        context.sleep(pause).await
    }
}
