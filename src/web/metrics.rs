//! `GET /metrics`: numbers for those who watch the service, in the text form of OpenMetrics, which
//! Prometheus reads. Who may read them is a setting; where it says nothing else, only who may look.

mod page;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use tokio::sync::Mutex;

use super::WebState;
use super::auth::{Caller, Viewer};
use super::error::{Code, Problem};
use crate::domain::limits::METRICS_KEPT;
use crate::domain::time::Timestamp;
use crate::engine::Actors;
use crate::metrics::{Access, Metrics};
use crate::store::StatisticsNow;
use crate::store::depths::Depths;

/// The media type that the text has.
const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the metrics are made of.
pub struct MetricsDoor {
    /// Who may read them.
    pub access: Access,
    /// What was counted.
    pub counts: Metrics,
    /// How the store's writer is doing.
    statistics: Box<dyn Fn() -> StatisticsNow + Send + Sync>,
    /// The last look at all queues: one at a time is taken, however many ask.
    look: Mutex<Option<Arc<Look>>>,
}

/// All queues and actors at one moment.
struct Look {
    at: Timestamp,
    taken_at: Instant,
    /// Absent where the store could not tell.
    depths: Option<Depths>,
    /// For each that is named, whether its circuit is open and a probe is out.
    probing: Vec<bool>,
    actors: Actors,
    classifier_left_alone: bool,
}

impl MetricsDoor {
    /// The door as it is set, with the counts that the rest of the service raises.
    pub fn new(
        access: Access,
        counts: Metrics,
        statistics: impl Fn() -> StatisticsNow + Send + Sync + 'static,
    ) -> Self {
        Self { access, counts, statistics: Box::new(statistics), look: Mutex::new(None) }
    }

    async fn look(&self, state: &WebState) -> Arc<Look> {
        let mut last = self.look.lock().await;
        let fresh = last.as_ref().filter(|look| look.taken_at.elapsed() < METRICS_KEPT);
        if let Some(look) = fresh {
            return Arc::clone(look);
        }
        let look = Arc::new(Look::take(state).await);
        *last = Some(Arc::clone(&look));
        look
    }
}

impl Look {
    async fn take(state: &WebState) -> Self {
        let depths = state.reader.depths().await;
        if let Err(error) = &depths {
            tracing::warn!(%error, "the queues can't be told in the metrics");
        }
        let depths = depths.ok();
        let named = depths.iter().flat_map(|depths| &depths.named);
        let probing =
            named.map(|(id, depth)| depth.open > 0 && state.engine.in_flight(*id) > 0).collect();
        Self {
            at: state.engine.now(),
            taken_at: Instant::now(),
            depths,
            probing,
            actors: state.engine.actors(),
            classifier_left_alone: state.engine.classifier_left_alone(),
        }
    }
}

/// Somebody who may read the metrics.
pub(super) struct Scraper;

impl FromRequest for Scraper {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let state = request.app_data::<Data<WebState>>();
        match state.map(|state| state.metrics.access) {
            Some(Access::Open) => Box::pin(async { Ok(Self) }),
            Some(Access::Off) => Box::pin(async {
                Err(Problem::new(Code::NotFound, "There is nothing at /metrics."))
            }),
            // Without a state nobody is known, and nobody gets in.
            Some(Access::Token) | None => {
                let caller = Caller::<Viewer>::from_request(request, payload);
                Box::pin(async { caller.await.map(|_viewer| Self) })
            }
        }
    }
}

/// `GET /metrics`.
pub(super) async fn scrape(
    _scraper: Scraper,
    state: Data<WebState>,
) -> Result<HttpResponse, Problem> {
    let door = &state.metrics;
    let look = door.look(&state).await;
    let text = page::text(&door.counts, (door.statistics)(), &look);
    let text = text.map_err(|_| {
        tracing::error!("the metrics can't be written");
        Problem::internal()
    })?;
    Ok(HttpResponse::Ok().insert_header((header::CONTENT_TYPE, MEDIA_TYPE)).body(text))
}
