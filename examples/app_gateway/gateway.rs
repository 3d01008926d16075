//! All of it put together.

use crate::api::{App, routes};
use crate::config::Config;
use crate::events::{Event, Events};
use crate::service::Service;
use crate::store::Store;
use crate::{metrics, reload, upstreams};
use backstay::net::{Net, TcpListener};
use backstay::observe::Metrics;
use backstay::resilience::{EventKind, KeyedRateLimiter, Observer};
use backstay::task::Shutdown;
use backstay::{AnyRuntime, Limit};
use backstay_hyper::{Server, TowerToHyperService};
use backstay_signals::Signals;
use backstay_sources::fs_events::watch;
use futures::future;
use std::path::PathBuf;
use std::sync::Arc;

pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs until a signal, and says whether everybody was served to the end who did not leave before.
pub async fn run(rt: AnyRuntime, config: Config, path: Option<PathBuf>) -> Result<bool, Failure> {
    // First of all: a signal that comes while it starts stops it too.
    let signals = Signals::to_stop()?;
    let recorded = metrics::install()?;
    // The services behind it run for as long as the last request does, and have a shutdown of their own.
    let behind = Shutdown::new(&rt);
    let store = Store::open(&config.database).await?;
    let ledger = upstreams::ledger(&behind, store.last().await?).await?;
    let upstreams = vec![upstreams::prices(&behind).await?, ledger];

    let shutdown = Shutdown::new(&rt);
    let (metrics, events) = (Metrics::new(), Events::new(Limit::new(256)?));
    let told = Told { metrics: metrics.clone(), events: events.clone() };
    let app = Arc::new(App {
        store,
        prices: Service::new(&rt, "prices", upstreams[0].addr, &config.prices, told.clone())?,
        ledger: Service::new(&rt, "ledger", upstreams[1].addr, &config.ledger, told.clone())?,
        clients: KeyedRateLimiter::named("clients").quota(config.clients).observer(told).build(&rt)?,
        server: config.server.clone(),
        rt: rt.clone(),
        shutdown: shutdown.clone(),
        events,
        upstreams,
        metrics,
        recorded,
    });

    let server = Server::builder(&rt)
        .max_connections(config.server.max_connections)
        .max_body(config.server.max_body)
        .header_read_timeout(config.server.header_read_timeout)
        .body_read_timeout(config.server.body_read_timeout)
        .build()?;
    shutdown.named("metrics").spawn(metrics::upkeep(shutdown.clone(), app.recorded.clone()))?;
    let (listen, drain, grace) = (config.listen, config.shutdown.drain, config.shutdown.grace);
    if let Some(path) = path {
        let changes = watch(&rt, &path).await?;
        shutdown.named("config").spawn(reload::follow(Arc::clone(&app), changes, path, config))?;
    }
    let listener = rt.bind(listen).await.map_err(|error| format!("could not listen on {listen}: {error}"))?;
    // For whoever waits for it, and doesn't know the port.
    println!("listening on http://{}", listener.local_addr()?);

    let service = TowerToHyperService::new(routes(app));
    let serve = server.serve(listener, service, &shutdown);
    let (served, report) = future::join(serve, shutdown.run(signals).drain(drain).grace(grace)).await;
    behind.force();
    behind.run(futures::stream::pending::<&str>()).await;

    println!("tasks: {report}");
    println!("http: {served}");
    // Requests are also cut by clients that hang up: that was no matter of the stop.
    Ok(report.is_clean() && served.is_clean())
}

/// Who is told what the policies do: the metrics, and whoever looks on where a breaker changes.
#[derive(Clone)]
pub struct Told {
    metrics: Metrics,
    events: Events,
}

impl Observer for Told {
    fn on_event(&self, event: &backstay::resilience::Event) {
        self.metrics.on_event(event);
        if let EventKind::CircuitChanged { to, .. } = event.kind {
            self.events.tell(Event::Circuit { service: event.source, state: to.to_string() });
        }
    }
}
