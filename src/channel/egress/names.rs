//! Where names are looked up: by asking the name servers ourselves, which can be given up at any
//! moment, or by the operating system, for sites that need its name service switch.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::pin::pin;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Either, Shared, select};
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::lookup::Lookup as Answer;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::{Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{Hosts, TokioResolver};
use tokio::sync::Semaphore;

use super::resolver::{Lookup, LookupError};
use crate::domain::limits::{
    NAME_ANSWER_KEPT, NAME_LOOKUP_TRY, NAMES_KEPT, OTHER_FAMILY, SYSTEM_LOOKUPS, UNKNOWN_NAME_KEPT,
};

/// Asks name servers, and honours the hosts file as it was when this was made. Answers are kept as long as their TTL says, within
/// a second and a minute; nothing is served after that.
pub struct DnsNames {
    resolver: Result<TokioResolver, String>,
    hosts: Hosts,
}

impl DnsNames {
    /// The name servers of `/etc/resolv.conf`, or of what the platform has in its place. If they
    /// can't be read, every lookup says so: the service starts, and IP literals work.
    pub fn from_system() -> Self {
        let resolver = TokioResolver::builder_tokio()
            .and_then(|mut builder| {
                settle(builder.options_mut());
                builder.build()
            })
            .map_err(|error| {
                format!(
                    "the system's list of name servers can't be used ({error}); \
                     set egress.resolver = \"system\" or repair it"
                )
            });
        Self { resolver, hosts: hosts_file() }
    }

    /// One name server.
    pub fn from_server(server: SocketAddr) -> Self {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()]
            .into_iter()
            .map(|mut connection| {
                connection.port = server.port();
                connection
            })
            .collect();
        let server = NameServerConfig::new(server.ip(), true, connections);
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        let mut builder =
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        settle(builder.options_mut());
        let resolver = builder.build().map_err(|error| error.to_string());
        Self { resolver, hosts: hosts_file() }
    }
}

/// A machine without a hosts file has no entries in it.
fn hosts_file() -> Hosts {
    Hosts::from_system().unwrap_or_default()
}

fn settle(options: &mut ResolverOpts) {
    options.cache_size = NAMES_KEPT;
    options.positive_min_ttl = Some(*NAME_ANSWER_KEPT.start());
    options.positive_max_ttl = Some(*NAME_ANSWER_KEPT.end());
    options.negative_min_ttl = Some(Duration::ZERO);
    options.negative_max_ttl = Some(UNKNOWN_NAME_KEPT);
    // Two tries have to fit into an attempt, so that one lost packet does not fail it.
    options.timeout = options.timeout.min(NAME_LOOKUP_TRY);
    options.attempts = options.attempts.clamp(1, 2);
}

impl Lookup for DnsNames {
    fn lookup<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, LookupError>> {
        Box::pin(async move {
            let resolver = self.resolver.as_ref().map_err(|cause| LookupError::Failed {
                host: host.to_owned(),
                cause: cause.clone(),
            })?;
            let listed = self.listed(host);
            if !listed.is_empty() {
                return Ok(listed);
            }
            either_family(
                family(resolver, host, RecordType::A),
                family(resolver, host, RecordType::AAAA),
            )
            .await
        })
    }
}

impl DnsNames {
    /// What the hosts file says. If it names the host at all, no name server adds to it.
    fn listed(&self, host: &str) -> Vec<IpAddr> {
        let Ok(name) = Name::from_utf8(host) else { return Vec::new() };
        [RecordType::A, RecordType::AAAA]
            .into_iter()
            .filter_map(|kind| self.hosts.lookup_static_host(&Query::query(name.clone(), kind)))
            .flat_map(|found| addresses(&found))
            .collect()
    }
}

/// Both families are asked at once. When the first has answered, the second gets a moment more: name
/// servers that swallow one kind of question are common, and must not cost every attempt its time.
async fn either_family(
    v4: impl Future<Output = Result<Vec<IpAddr>, LookupError>>,
    v6: impl Future<Output = Result<Vec<IpAddr>, LookupError>>,
) -> Result<Vec<IpAddr>, LookupError> {
    let (v4, v6) = (pin!(v4), pin!(v6));
    let (first, rest) = match select(v4, v6).await {
        Either::Left((first, rest)) => (first, Either::Left(rest)),
        Either::Right((first, rest)) => (first, Either::Right(rest)),
    };
    match first {
        Ok(mut found) => {
            if let Ok(Ok(more)) = tokio::time::timeout(OTHER_FAMILY, rest).await {
                found.extend(more);
            }
            Ok(found)
        }
        Err(error) => rest.await.map_err(|other| graver(error, other)),
    }
}

async fn family(
    resolver: &TokioResolver,
    host: &str,
    kind: RecordType,
) -> Result<Vec<IpAddr>, LookupError> {
    let failed = |cause: String| LookupError::Failed { host: host.to_owned(), cause };
    match resolver.lookup(host, kind).await {
        Ok(answer) => {
            let found = addresses(&answer);
            if found.is_empty() { Err(LookupError::NoAddress(host.to_owned())) } else { Ok(found) }
        }
        Err(error) if error.is_nx_domain() => Err(LookupError::NotFound(host.to_owned())),
        Err(error) if error.is_no_records_found() => Err(no_records(host, &error)),
        Err(NetError::Timeout) => Err(LookupError::Silent(host.to_owned())),
        Err(error) => Err(failed(error.to_string())),
    }
}

fn addresses(answer: &Answer) -> Vec<IpAddr> {
    answer.answers().iter().filter_map(|record| record.data.ip_addr()).collect()
}

/// Of two failures the one to tell: that a name does not exist is said only if nothing contradicts it.
fn graver(one: LookupError, other: LookupError) -> LookupError {
    let rank = |error: &LookupError| match error {
        LookupError::NotFound(_) => 0,
        LookupError::NoAddress(_) => 1,
        LookupError::Silent(_) => 2,
        LookupError::Failed { .. } | LookupError::Busy(_) => 3,
    };
    if rank(&one) >= rank(&other) { one } else { other }
}

/// "No records" also stands for an answer with an error code and nothing in it.
fn no_records(host: &str, error: &NetError) -> LookupError {
    if let NetError::Dns(DnsError::NoRecordsFound(none)) = error
        && none.response_code != ResponseCode::NoError
    {
        let cause = format!("the name server answered {}", none.response_code);
        return LookupError::Failed { host: host.to_owned(), cause };
    }
    LookupError::NoAddress(host.to_owned())
}

/// Asks the operating system. Its lookups can't be given up, so they are counted in all and joined
/// by name: one dead name server can hold [`SYSTEM_LOOKUPS`] threads and no more.
#[derive(Default)]
pub struct SystemNames {
    under_way: Arc<Mutex<HashMap<String, Joined>>>,
}

type Joined = Shared<BoxFuture<'static, Result<Vec<IpAddr>, LookupError>>>;

/// One count for the whole process: each thread of the engine has resolvers of its own.
static SYSTEM_PERMITS: LazyLock<Arc<Semaphore>> =
    LazyLock::new(|| Arc::new(Semaphore::new(SYSTEM_LOOKUPS)));

impl SystemNames {
    fn start_or_join(&self, host: &str) -> Result<Joined, LookupError> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(joined) = under_way.get(host) {
            return Ok(joined.clone());
        }
        let permit = Arc::clone(&SYSTEM_PERMITS)
            .try_acquire_owned()
            .map_err(|_| LookupError::Busy(SYSTEM_LOOKUPS))?;
        let (name, map) = (host.to_owned(), Arc::clone(&self.under_way));
        let (tell, told) = tokio::sync::oneshot::channel();
        // A thread of our own: the runtime would wait for it when the service stops.
        let lookup = move || {
            let found = ask_system(&name);
            // Gone before the answer is seen: nobody can join a lookup that has ended.
            map.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
            drop(permit);
            // Nobody waits any more if the attempts have run out of time.
            let _unheard = tell.send(found);
        };
        let failed = |cause: String| LookupError::Failed { host: host.to_owned(), cause };
        std::thread::Builder::new()
            .name("belfry-names".to_owned())
            .spawn(lookup)
            .map_err(|error| failed(format!("no thread for it: {error}")))?;
        let gone = Err(failed("the lookup ended without an answer".to_owned()));
        let joined = async move { told.await.unwrap_or(gone) }.boxed().shared();
        under_way.insert(host.to_owned(), joined.clone());
        Ok(joined)
    }
}

impl Lookup for SystemNames {
    fn lookup<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, LookupError>> {
        Box::pin(async move { self.start_or_join(host)?.await })
    }
}

fn ask_system(host: &str) -> Result<Vec<IpAddr>, LookupError> {
    // The standard library gives getaddrinfo's codes as text only, of one kind; whether the name is
    // missing or the servers are silent can't be told apart here.
    let found: io::Result<Vec<IpAddr>> = (host, 0_u16)
        .to_socket_addrs()
        .map(|addresses| addresses.map(|address| address.ip()).collect());
    match found {
        Ok(found) if found.is_empty() => Err(LookupError::NoAddress(host.to_owned())),
        Ok(found) => Ok(found),
        Err(error) => Err(LookupError::Failed { host: host.to_owned(), cause: error.to_string() }),
    }
}
