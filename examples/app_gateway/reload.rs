//! The configuration file, watched: what can change while the gateway runs does, and a broken file changes nothing.

use crate::api::{App, chain};
use crate::config::{Config, LoadError};
use crate::events::Event;
use backstay::{AnyRuntime, ConfigError, Runtime};
use backstay_sources::fs_events::FsEvents;
use futures::StreamExt;
use futures::stream::pending;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How often the file is looked at where the system tells nothing: on a network drive, where a link on the way to it
/// leads elsewhere, and when its folder was gone.
const LOOK: Duration = Duration::from_secs(2);

/// Follows the file until the gateway stops.
pub async fn follow(app: Arc<App>, changes: FsEvents<AnyRuntime>, path: PathBuf, started: Config) {
    let (mut changes, mut current, mut refused) = (changes.chain(pending()), started.clone(), None);
    loop {
        // First of all: it may have changed before it was watched.
        let from = path.clone();
        let Ok(loaded) = app.rt.spawn_blocking(move || Config::load(&from)).await else { return };
        match loaded {
            Ok(next) if next == current => refused = None,
            // One that is gone is being replaced.
            Err(LoadError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => {}
            loaded => match loaded.map_err(|error| chain(&error)).and_then(|next| apply(&app, next)) {
                Ok(next) => {
                    eprintln!("config: {} is in force", path.display());
                    for field in started.fixed_differences(&next) {
                        eprintln!("config: `{field}` takes effect after a restart");
                    }
                    (current, refused) = (next, None);
                    app.events.tell(Event::Config { is_in_force: true });
                }
                // Told once, however often it is looked at.
                Err(error) if refused.as_ref() != Some(&error) => {
                    eprintln!("config: {error}\nconfig: the one before stays in force");
                    refused = Some(error);
                    app.events.tell(Event::Config { is_in_force: false });
                }
                Err(_same) => {}
            },
        }
        match app.shutdown.stop_token().run(app.rt.timeout(LOOK, changes.next())).await {
            Ok(Ok(Some(Err(error)))) => eprintln!("config: {}", chain(&error)),
            Ok(_changed_or_time_to_look) => {}
            Err(_stop) => return,
        }
    }
}

/// Requests in progress go on by the old limits. What breakers and limiters have counted stays.
fn apply(app: &App, config: Config) -> Result<Config, String> {
    let apply = || -> Result<(), ConfigError> {
        app.clients.set_quota(config.clients, app.rt.now())?;
        app.prices.reconfigure(&config.prices)?;
        app.ledger.reconfigure(&config.ledger)
    };
    apply().map(|()| config).map_err(|error| chain(&error))
}
