//! What the cluster says, once it can be spoken to: auth, permission, version, advertised URLs.

use std::io;
use std::time::Duration;

use shared::{ClusterAnswer, Code};

use super::report::Report;
use crate::caller::Caller;
use crate::config::ClusterConfig;
use crate::etcd::{Etcd, Range, Settings};
use crate::service::cluster::ClusterService;
use crate::tasks::Tasks;

/// How long the cluster may take for a question.
const ANSWER: Duration = Duration::from_secs(10);
/// The warning that a member advertises a URL where it is not.
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
            let mend = "mend --cacert, --cert and --key";
            return report.failed("client", &format!("{detail:#}"), mend);
        }
    };
    if auth(report, config, &etcd).await? {
        permission(report, &etcd).await?;
        members(report, config, etcd).await?;
    }
    Ok(())
}

/// Whether etcd lets us in.
async fn auth(report: &mut Report<'_>, config: &ClusterConfig, etcd: &Etcd) -> io::Result<bool> {
    let caller = Caller::gateway(ANSWER);
    let account = config.settings.account.as_ref();
    let on = match etcd.auth_is_on(&caller).await {
        Ok(on) => on,
        Err(failure) => {
            let mend = "see whether the cluster has a leader: most of its members must run";
            report.failed("auth", &failure.detail, mend)?;
            return Ok(false);
        }
    };
    match (on, account) {
        (false, None) => report.ok(
            "auth",
            "etcd's auth is off: whoever reaches it may do everything",
        )?,
        (false, Some(account)) => report.note(
            "auth",
            &format!(
                "etcd's auth is off, so the user `{}` is not asked for",
                account.name
            ),
            "turn it on with `etcdctl auth enable`, or leave --user out",
        )?,
        (true, None) if config.settings.identity.is_none() => {
            report.note(
                "auth",
                "etcd's auth is on, and the gateway has no account: only requests with sign-in work",
                "give --user NAME and its password, where requests without sign-in are meant to work",
            )?;
            return Ok(false);
        }
        (true, None) => return certificate(report, etcd).await,
        (true, Some(account)) => match etcd.sign_in(account.clone()).await {
            Ok(_) => report.ok("auth", &format!("signed in as {}", account.name))?,
            Err(failure) => {
                let mend = if failure.code == Code::Unauthenticated {
                    "mend --user and its password: `etcdctl user passwd` sets another"
                } else {
                    "see whether the cluster has a leader: most of its members must run"
                };
                let detail = format!("{} is refused: {}", account.name, failure.detail);
                report.failed("auth", &detail, mend)?;
                return Ok(false);
            }
        },
    }
    Ok(true)
}

/// Whether our certificate names us to etcd: it does so only with `--client-cert-auth`.
async fn certificate(report: &mut Report<'_>, etcd: &Etcd) -> io::Result<bool> {
    let caller = Caller::gateway(ANSWER);
    match etcd.may_read(&caller, &Range::prefix(b"")).await {
        Err(failure) if failure.code == Code::Unauthenticated => {
            report.note(
                "auth",
                "etcd's auth is on, and it takes no name from our certificate: only requests with \
                 sign-in work",
                "start etcd with --client-cert-auth and use a certificate whose CN is a user's name, \
                 or give --user NAME and its password",
            )?;
            Ok(false)
        }
        Err(failure) if failure.code != Code::Forbidden => {
            let mend = "see whether the cluster has a leader: most of its members must run";
            report.failed("auth", &failure.detail, mend)?;
            Ok(false)
        }
        Ok(()) | Err(_) => {
            report.ok("auth", "etcd knows us by our certificate's name")?;
            Ok(true)
        }
    }
}

async fn permission(report: &mut Report<'_>, etcd: &Etcd) -> io::Result<()> {
    let caller = Caller::gateway(ANSWER);
    match etcd.may_read(&caller, &Range::prefix(b"")).await {
        Ok(()) => report.ok("permission", "every key may be read"),
        Err(failure) if failure.code == Code::Forbidden => report.warn(
            "permission",
            "only some keys may be read",
            Some("if all are meant: `etcdctl role grant-permission ROLE --prefix=true readwrite \"\"`"),
        ),
        Err(failure) => report.failed(
            "permission",
            &failure.detail,
            "mend the account, or see whether the cluster has a leader",
        ),
    }
}

async fn members(report: &mut Report<'_>, config: &ClusterConfig, etcd: Etcd) -> io::Result<()> {
    let service = ClusterService::new(config.name.clone(), etcd, Tasks::default());
    let answer = match service.cluster(&Caller::gateway(ANSWER)).await {
        Ok(answer) => answer,
        Err(failure) => {
            let mend = "give the account the role root, to see versions and members";
            return report.warn("version", &failure.detail, Some(mend));
        }
    };
    version(report, &answer)?;
    advertised(report, &answer)
}

fn version(report: &mut Report<'_>, answer: &ClusterAnswer) -> io::Result<()> {
    let facts = answer.warnings.iter();
    let mut facts = facts
        .filter(|warning| warning.code != ADVERTISED)
        .peekable();
    let running = if answer.version.is_empty() {
        "etcd of a version that may not be asked".to_owned()
    } else {
        format!("etcd {}", answer.version)
    };
    if facts.peek().is_none() {
        return report.ok("version", &running);
    }
    for fact in facts {
        report.warn("version", &format!("{running}: {}", fact.detail), None)?;
    }
    Ok(())
}

fn advertised(report: &mut Report<'_>, answer: &ClusterAnswer) -> io::Result<()> {
    let mend = "set the member's --advertise-client-urls to a URL that this machine can reach";
    let mut well = true;
    for warning in answer.warnings.iter().filter(|one| one.code == ADVERTISED) {
        well = false;
        report.warn("advertised", &warning.detail, Some(mend))?;
    }
    for member in answer.members.iter().filter(|one| one.reached_by.is_none()) {
        well = false;
        let error = member.error.as_deref().unwrap_or("it cannot be reached");
        let detail = format!("member {}: {error}", member.name);
        report.warn("advertised", &detail, Some("start it, or mend its URL"))?;
    }
    if well {
        let count = answer.members.len();
        report.ok(
            "advertised",
            &format!("all of {count} are reached at the URL they name"),
        )?;
    }
    Ok(())
}
