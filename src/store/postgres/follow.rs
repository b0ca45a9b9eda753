//! What other replicas write, heard as soon as they have: by `LISTEN`, with a slow look behind it
//! for what was said while nobody heard.

use std::time::Duration;

use sqlx::{PgPool, postgres::PgListener};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    line::{HOMES_TOUCHED, LOG_MOVED},
    log,
    writer::News,
};

/// How often the log is looked at while nothing is heard.
const POLL: Duration = Duration::from_secs(1);

/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_millis(500);

/// Passes on what is heard, until `shutdown`.
pub(super) async fn run(listening: PgPool, reads: PgPool, news: News, shutdown: CancellationToken) {
    let following = async {
        let mut is_failing = false;
        loop {
            let Err(error) = listen(&listening, &reads, &news, &mut is_failing).await;
            if !std::mem::replace(&mut is_failing, true) {
                tracing::warn!(%error, "the other replicas are not heard; the log is looked at");
            }
            sleep(PAUSE).await;
        }
    };
    shutdown.run_until_cancelled(following).await;
}

async fn listen(
    listening: &PgPool,
    reads: &PgPool,
    news: &News,
    is_failing: &mut bool,
) -> sqlx::Result<std::convert::Infallible> {
    let mut listener = PgListener::connect_with(listening).await?;
    listener.listen_all([LOG_MOVED, HOMES_TOUCHED]).await?;
    loop {
        // Also right at the beginning: something may have been said before.
        let (seq, _) = log::last(&mut *reads.acquire().await?).await?;
        news.reaches(seq);
        news.homes();
        if std::mem::take(is_failing) {
            tracing::info!("the other replicas are heard again");
        }
        while let Ok(said) = timeout(POLL, listener.recv()).await {
            let said = said?;
            match (said.channel(), said.payload().parse()) {
                (LOG_MOVED, Ok(seq)) => news.reaches(seq),
                _ => news.homes(),
            }
        }
    }
}
