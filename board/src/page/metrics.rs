//! The metrics, as Prometheus reads them (text format 0.0.4).

use std::fmt::Write;

use praxiscope_runtime::timing::Timing;

use super::site::{Health, Site};

/// The content type.
pub const KIND: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All metrics.
pub fn text(site: &Site) -> String {
    let mut text = Text::default();
    let (telemetry, history) = (&site.telemetry, site.history.borrow());
    let card = &site.subject.card;
    text.family("info", "gauge", "The program and its model.");
    let about = [
        ("version", env!("CARGO_PKG_VERSION")),
        ("model", &card.name),
        ("digest", &card.digest),
    ];
    text.sample("info", &about, 1.0);
    text.gauge("up", "Whether frames go through.", {
        f64::from(u8::from(site.health() == Health::Live))
    });
    let uptime = telemetry.uptime().as_secs_f64();
    text.gauge("uptime_seconds", "Since the program began.", uptime);
    let counts = telemetry.counts();
    for (name, help, count) in [
        ("frames", "Frames that the source gave.", &counts.frames),
        (
            "frames_processed",
            "Frames that went through the inference thread.",
            &counts.processed,
        ),
        (
            "frames_replaced",
            "Frames that were thrown away for a newer one.",
            &counts.replaced,
        ),
        (
            "frames_skipped",
            "Frames between two ticks of the model's clock.",
            &counts.skipped,
        ),
        ("frames_broken", "Damaged pictures.", &counts.broken),
        (
            "frames_dropped",
            "Frames that the camera counted and never delivered.",
            &counts.dropped,
        ),
        ("steps", "Steps of the network.", &counts.steps),
        (
            "ticks_missed",
            "Ticks of the model's clock that the network was too slow for.",
            &counts.late,
        ),
        (
            "resets",
            "Gaps that started the network afresh.",
            &counts.resets,
        ),
        (
            "source_reopened",
            "Times that the source failed and was opened again.",
            &counts.reopened,
        ),
        (
            "restarts",
            "Times that the pipeline was started again.",
            &counts.restarts,
        ),
    ] {
        let name = format!("{name}_total");
        text.family(&name, "counter", help);
        text.sample(&name, &[], count.get() as f64);
    }
    text.family("events_total", "counter", "Actions that began, by label.");
    for (label, count) in &history.starts {
        text.sample("events_total", &[("label", label)], *count as f64);
    }
    text.family("stage_seconds", "summary", "Time that a stage takes.");
    for (name, times) in [
        ("capture", &history.capture),
        ("convert", &history.convert),
        ("infer", &history.infer),
    ] {
        text.summary("stage_seconds", &[("stage", name)], &times.all);
    }
    let latency = telemetry.latency().timing();
    text.family(
        "event_latency_seconds",
        "summary",
        "From the deciding frame's time stamp to its event on standard output.",
    );
    text.summary("event_latency_seconds", &[], &latency);
    text.system(&telemetry.system());
    text.0
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // A String takes every write.
        let _ = writeln!(self.0, "# HELP praxiscope_{name} {help}");
        let _ = writeln!(self.0, "# TYPE praxiscope_{name} {kind}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.family(name, "gauge", help);
        self.sample(name, &[], value);
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let _ = write!(self.0, "praxiscope_{name}");
        for (index, (key, text)) in labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{before}{key}=\"{}\"", escaped(text));
        }
        let after = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{after} {value}");
    }

    fn summary(&mut self, name: &str, labels: &[(&str, &str)], timing: &Timing) {
        for (quantile, q) in [("0.5", 0.5), ("0.99", 0.99)] {
            let labels = [labels, &[("quantile", quantile)]].concat();
            self.sample(name, &labels, timing.quantile(q).as_secs_f64());
        }
        let total = timing.total().as_secs_f64();
        self.sample(&format!("{name}_sum"), labels, total);
        self.sample(&format!("{name}_count"), labels, timing.count() as f64);
    }

    fn system(&mut self, system: &crate::telemetry::System) {
        if let Some(celsius) = system.celsius {
            self.gauge("temperature_celsius", "The hottest thermal zone.", celsius);
        }
        if let Some((clock, _)) = system.governor.as_ref().and_then(|g| g.clock) {
            let hertz = clock as f64 * 1e3;
            self.gauge("processor_hertz", "The first processor's clock.", hertz);
        }
        if let Some(found) = system.throttling {
            let flag = |flag: bool| f64::from(u8::from(flag));
            let (weak, held) = (flag(found.undervoltage()), flag(found.throttled()));
            self.gauge("undervoltage", "The supply's voltage is too low.", weak);
            self.gauge("throttled", "The clock is held down.", held);
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        let mut text = Text::default();
        text.sample("x", &[("a", "q\"\\\n"), ("b", "ä")], 1.5);
        assert_eq!(text.0, "praxiscope_x{a=\"q\\\"\\\\\\n\",b=\"ä\"} 1.5\n");
    }
}
