//! The configuration file, watched: what can change while the gateway runs does, and a broken file changes nothing.

use crate::api::App;
use crate::config::Config;
use crate::events::Event;
use backstay::{AnyRuntime, ConfigError, Runtime};
use backstay_sources::fs_events::FsEvents;
use futures::StreamExt;
use std::path::PathBuf;
use std::sync::Arc;

/// Follows the file until the gateway stops.
pub async fn follow(app: Arc<App>, mut changes: FsEvents<AnyRuntime>, path: PathBuf, mut current: Config) {
    let stop = app.shutdown.stop_token().clone();
    while let Ok(Some(change)) = stop.run(changes.next()).await {
        if let Err(error) = change {
            eprintln!("config: {error}");
        }
        // A file that is gone is one that is being replaced.
        if !path.exists() {
            continue;
        }
        let error = match Config::load(&path) {
            Ok(next) if next == current => continue,
            Ok(next) => match apply(&app, &next) {
                Ok(()) => {
                    for field in current.fixed_differences(&next) {
                        eprintln!("config: `{field}` takes effect after a restart");
                    }
                    current = next;
                    None
                }
                Err(error) => Some(error.to_string()),
            },
            Err(error) => Some(error.to_string()),
        };
        match &error {
            None => eprintln!("config: {} is in force", path.display()),
            Some(error) => eprintln!("config: {error}\nconfig: the one before stays in force"),
        }
        app.events.tell(Event::Config { error });
    }
}

/// Requests in progress go on by the old limits. What breakers and limiters have counted stays.
fn apply(app: &App, config: &Config) -> Result<(), ConfigError> {
    app.clients.set_quota(config.clients, app.rt.now())?;
    app.prices.reconfigure(&config.prices)?;
    app.ledger.reconfigure(&config.ledger)
}
