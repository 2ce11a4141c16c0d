//! How the demonstration begins and ends on the screen.

use serde_json::Value;

use super::asked::Arrived;
use super::scene::Scene;
use super::service::Service;
use super::story::{Progress, tell};
use crate::cli::paint::{Colour, Paint, plain};
use crate::cli::records::Fed;

/// For whom it is printed.
pub(super) struct Look {
    pub(super) paint: Paint,
    pub(super) json: bool,
}

impl Look {
    /// What runs where.
    pub(super) fn opening(
        &self,
        service: &Service,
        scene: &Scene,
        automation_id: &str,
        kept: bool,
    ) {
        if self.json {
            let receivers: Vec<_> = scene
                .receivers()
                .into_iter()
                .map(|(name, url, _)| serde_json::json!({"name": name, "url": url}))
                .collect();
            let line = serde_json::json!({
                "service": service.url(), "token": service.token(), "data": service.data(),
                "setup_url": service.setup_url().expose(),
                "automation_id": automation_id, "receivers": receivers,
            });
            return tell(&format!("{line}\n"));
        }
        let paint = self.paint;
        let title = paint.bold("Belfry is running, with sample data.");
        let data = service.data().display().to_string();
        let fate = if kept { "kept" } else { "thrown away in the end; --keep DIR keeps it" };
        let mut text = format!("\n{title}\n\n");
        let mut row = |label: &str, value: String, note: &str| {
            let note = if note.is_empty() { String::new() } else { format!("   {note}") };
            text.push_str(&format!(
                "  {}{value}{}\n",
                paint.dim(&format!("{label:<12}")),
                paint.dim(&note)
            ));
        };
        row("service", paint.colour(Colour::Blue, &service.url()), "");
        let link = service.setup_url();
        row("sign in", paint.colour(Colour::Blue, link.expose()), "sets your password");
        row("token", service.token().to_owned(), "admin");
        row("data", data, fate);
        row(
            "automation",
            automation_id.to_owned(),
            "fires for records from escalation level medium on",
        );
        for (name, url, what) in scene.receivers() {
            row(name, paint.colour(Colour::Blue, &url), what);
        }
        text.push_str(
            "\nSample records go in now. Each line below is one request at a receiver.\n\n",
        );
        tell(&text);
    }

    /// What the detector finds in a record that brings no levels, as a dry run tells it.
    pub(super) fn found(&self, run: &Value) {
        if self.json {
            return tell(&format!("{}\n", serde_json::json!({"found": run})));
        }
        let text =
            |pointer: &str| plain(run.pointer(pointer).and_then(Value::as_str).unwrap_or_default());
        let mut said = format!(
            "              {} brings no levels. Found: {}/{}\n",
            text("/record_id"),
            text("/levels/escalation_level"),
            text("/levels/emotional_intensity_level"),
        );
        let evidence = run.pointer("/detected/evidence").and_then(Value::as_array);
        for reason in evidence.into_iter().flatten() {
            let word = |name| plain(reason.get(name).and_then(Value::as_str).unwrap_or_default());
            said.push_str(&format!("                {}: {}\n", word("axis"), word("because")));
        }
        tell(&self.paint.dim(&said));
    }

    /// What the service made of the samples.
    pub(super) fn fed(&self, fed: &Fed) {
        let Fed { totals, deliveries, rejected } = fed;
        if self.json {
            let rejected: Vec<_> = rejected
                .iter()
                .map(|(index, error)| serde_json::json!({"index": index, "error": error}))
                .collect();
            let line = serde_json::json!({"fed": {
                "accepted": totals.accepted, "alerts": totals.alerts, "deliveries": deliveries,
                "rejected": rejected,
            }});
            return tell(&format!("{line}\n"));
        }
        let mut text = self.paint.bold(&format!(
            "              {} records accepted: {} alerts, {deliveries} deliveries\n",
            totals.accepted, totals.alerts
        ));
        for (index, error) in rejected {
            let line = format!("              sample {index} was rejected: {}\n", plain(error));
            text.push_str(&self.paint.dim(&line));
        }
        tell(&text);
    }

    /// What came of it all.
    pub(super) fn closing(&self, fed: &Fed, progress: Progress) {
        let Progress { taken, after_retry, duplicates, failed } = progress;
        if self.json {
            let line = serde_json::json!({"summary": {
                "accepted": fed.totals.accepted, "deliveries": fed.deliveries, "delivered": taken,
                "delivered_after_retry": after_retry, "failed_attempts": failed,
                "duplicates": duplicates,
            }});
            return tell(&format!("{line}\n"));
        }
        let all = format!("All {} deliveries have arrived.", fed.deliveries);
        let first = taken.saturating_sub(after_retry);
        tell(&format!(
            "\n{} {} records accepted, {first} deliveries taken at the first try, {after_retry} after \
             a retry, {failed} attempts failed, {duplicates} duplicates.\n",
            self.paint.colour(Colour::Green, &all),
            fed.totals.accepted
        ));
    }

    /// Where one alert went, and what it took to get there.
    pub(super) fn everywhere(&self, record: &str, arrived: &[Arrived]) {
        if self.json {
            let ways: Vec<_> = arrived
                .iter()
                .map(|each| {
                    serde_json::json!({
                        "name": each.place, "kind": each.kind, "attempts": each.attempts,
                    })
                })
                .collect();
            let line = serde_json::json!({"everywhere": {"record_id": record, "ways": ways}});
            return tell(&format!("{line}\n"));
        }
        let title = format!("One alert, everywhere: {}", plain(record));
        let mut text = format!("\n{}\n", self.paint.bold(&title));
        for Arrived { place, kind, attempts } in arrived {
            let tries = match attempts {
                1 => "at the first try".to_owned(),
                more => format!("at try {more}"),
            };
            text.push_str(&format!("  {:<17} {:<8} arrived {tries}\n", plain(place), plain(kind)));
        }
        tell(&text);
    }

    /// What to try next.
    pub(super) fn hints(&self, service: &Service, automation_id: &str) {
        if self.json {
            return;
        }
        let (url, token) = (service.url(), service.token());
        let record = concat!(
            r#"{"records":[{"id":"mine-1","org_id":"acme","source":"curl","#,
            r#""content":"I have waited for a week!","levels":{"escalation_level":"high","#,
            r#""emotional_intensity_level":"high"}}]}"#
        );
        let title = self.paint.bold("It stays up until Ctrl-C. In another terminal:");
        tell(&format!(
            "\n{title}\n\n  \
             export BELFRY_SERVER={url} BELFRY_TOKEN={token}\n  \
             belfry deliveries list\n  \
             curl -H \"Authorization: Bearer $BELFRY_TOKEN\" {url}/v1/automations/{automation_id}\n  \
             curl -H \"Authorization: Bearer $BELFRY_TOKEN\" -H 'Content-Type: application/json' \\\n    \
             {url}/v1/records -d '{record}'\n\n"
        ));
    }
}
