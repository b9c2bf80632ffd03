//! Checks that need a working connection: auth, permission, version, advertised URLs.

use std::io;
use std::time::Duration;

use shared::{ClusterResponse, Code};

use super::report::Report;
use crate::config::ClusterConfig;
use crate::etcd::{Etcd, Range, Settings};
use crate::identity::Caller;
use crate::service::cluster::ClusterService;
use crate::tasks::Tasks;

/// Time limit for each request to the cluster.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// The code of the warning that a member advertises an unusable URL.
const ADVERTISED: &str = "advertised_url";

pub(super) async fn examine(
    report: &mut Report<'_>,
    config: &ClusterConfig,
    reached: Vec<String>,
) -> io::Result<()> {
    let settings = Settings {
        endpoints: reached,
        ..config.settings.clone()
    };
    let etcd = match Etcd::new(settings).await {
        Ok(etcd) => etcd,
        Err(error) => {
            let detail = anyhow::Error::from(error);
            let fix = "check --cacert, --cert and --key";
            return report.failed("client", &format!("{detail:#}"), fix);
        }
    };
    if auth(report, config, &etcd).await? {
        permission(report, &etcd).await?;
        members(report, config, etcd).await?;
    }
    Ok(())
}

/// Whether etcd accepts the gateway's credentials.
async fn auth(report: &mut Report<'_>, config: &ClusterConfig, etcd: &Etcd) -> io::Result<bool> {
    let caller = Caller::gateway(REQUEST_TIMEOUT);
    let account = config.settings.account.as_ref();
    let on = match etcd.auth_is_on(&caller).await {
        Ok(on) => on,
        Err(failure) => {
            let fix =
                "check that the cluster has a leader: a majority of its members must be running";
            report.failed("auth", &failure.detail, fix)?;
            return Ok(false);
        }
    };
    match (on, account) {
        (false, None) => report.ok(
            "auth",
            "etcd's auth is off: every client that can connect may do everything",
        )?,
        (false, Some(account)) => report.note(
            "auth",
            &format!(
                "etcd's auth is off, so the user `{}` is not used",
                account.name
            ),
            "enable it with `etcdctl auth enable`, or remove --user",
        )?,
        (true, None) if config.settings.identity.is_none() => {
            report.note(
                "auth",
                "etcd's auth is on and the gateway has no account: only requests with credentials work",
                "give --user NAME and its password if requests without credentials should work",
            )?;
            return Ok(false);
        }
        (true, None) => return certificate(report, etcd).await,
        (true, Some(account)) => match etcd.sign_in(account.clone()).await {
            Ok(_) => report.ok("auth", &format!("signed in as {}", account.name))?,
            Err(failure) => {
                let fix = if failure.code == Code::Unauthenticated {
                    "correct --user and its password; `etcdctl user passwd` sets a new one"
                } else {
                    "check that the cluster has a leader: a majority of its members must be running"
                };
                let detail = format!("etcd refused {}: {}", account.name, failure.detail);
                report.failed("auth", &detail, fix)?;
                return Ok(false);
            }
        },
    }
    Ok(true)
}

/// Whether etcd takes our user name from our certificate, which it does only with `--client-cert-auth`.
async fn certificate(report: &mut Report<'_>, etcd: &Etcd) -> io::Result<bool> {
    let caller = Caller::gateway(REQUEST_TIMEOUT);
    match etcd.may_read(&caller, &Range::prefix(b"")).await {
        Err(failure) if failure.code == Code::Unauthenticated => {
            report.note(
                "auth",
                "etcd's auth is on and it does not take a user name from our certificate: only \
                 requests with credentials work",
                "start etcd with --client-cert-auth and use a certificate whose CN is a user's name, \
                 or give --user NAME and its password",
            )?;
            Ok(false)
        }
        Err(failure) if failure.code != Code::Forbidden => {
            let fix =
                "check that the cluster has a leader: a majority of its members must be running";
            report.failed("auth", &failure.detail, fix)?;
            Ok(false)
        }
        Ok(()) | Err(_) => {
            report.ok("auth", "signed in by the client certificate's name")?;
            Ok(true)
        }
    }
}

async fn permission(report: &mut Report<'_>, etcd: &Etcd) -> io::Result<()> {
    let caller = Caller::gateway(REQUEST_TIMEOUT);
    match etcd.may_read(&caller, &Range::prefix(b"")).await {
        Ok(()) => report.ok("permission", "all keys are readable"),
        Err(failure) if failure.code == Code::Forbidden => report.warn(
            "permission",
            "only some keys are readable",
            Some("to allow all keys: `etcdctl role grant-permission ROLE --prefix=true readwrite \"\"`"),
        ),
        Err(failure) => report.failed(
            "permission",
            &failure.detail,
            "correct the account, or check whether the cluster has a leader",
        ),
    }
}

async fn members(report: &mut Report<'_>, config: &ClusterConfig, etcd: Etcd) -> io::Result<()> {
    let service = ClusterService::new(config.name.clone(), etcd, Tasks::default());
    let response = match service.cluster(&Caller::gateway(REQUEST_TIMEOUT)).await {
        Ok(response) => response,
        Err(failure) => {
            let fix = "grant the account the role root, which may see versions and members";
            return report.warn("version", &failure.detail, Some(fix));
        }
    };
    version(report, &response)?;
    advertised(report, &response)
}

fn version(report: &mut Report<'_>, response: &ClusterResponse) -> io::Result<()> {
    let warnings = response.warnings.iter();
    let mut warnings = warnings
        .filter(|warning| warning.code != ADVERTISED)
        .peekable();
    let running = if response.version.is_empty() {
        "etcd of an unknown version (permission denied)".to_owned()
    } else {
        format!("etcd {}", response.version)
    };
    if warnings.peek().is_none() {
        return report.ok("version", &running);
    }
    for warning in warnings {
        report.warn("version", &format!("{running}: {}", warning.detail), None)?;
    }
    Ok(())
}

fn advertised(report: &mut Report<'_>, response: &ClusterResponse) -> io::Result<()> {
    let fix = "set the member's --advertise-client-urls to a URL that this machine can reach";
    let mut all_reachable = true;
    for warning in response
        .warnings
        .iter()
        .filter(|warning| warning.code == ADVERTISED)
    {
        all_reachable = false;
        report.warn("advertised", &warning.detail, Some(fix))?;
    }
    for member in response
        .members
        .iter()
        .filter(|one| one.reached_by.is_none())
    {
        all_reachable = false;
        let error = member.error.as_deref().unwrap_or("it cannot be reached");
        let detail = format!("member {}: {error}", member.name);
        report.warn("advertised", &detail, Some("start it, or correct its URL"))?;
    }
    if all_reachable {
        let count = response.members.len();
        report.ok(
            "advertised",
            &format!("all {count} members are reachable at the URLs they advertise"),
        )?;
    }
    Ok(())
}
