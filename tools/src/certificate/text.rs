//! A certificate for people.

use std::fmt;

use super::{Certificate, Comparison, Cost, Kind, OnVideo};

/// Changes that are listed one by one.
const CHANGES_SHOWN: usize = 6;

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "kind            {}", self.kind)?;
        match self.receptive_field {
            Some(1) => write!(f, "sees            one frame")?,
            Some(frames) => write!(f, "sees            {frames} frames")?,
            None => write!(f, "sees            all frames since the start")?,
        }
        writeln!(f, ", {} of them ahead of the answered one", self.lookahead)?;
        let every = match self.frames_per_answer {
            1 => "every frame".to_owned(),
            frames => format!("every {frames} frames"),
        };
        let first = self.first_answer;
        writeln!(f, "answers         {every}, first when {first} came")?;
        if let Some(window) = &self.window {
            match window.rows {
                Some(1) => writeln!(f, "last mean       of one row")?,
                Some(rows) => writeln!(
                    f,
                    "last mean       of {rows} rows; the network's own clip has {}",
                    window.native_rows
                )?,
                None => writeln!(f, "last mean       of all rows since the start")?,
            }
        }
        for (index, change) in self.changes.iter().take(CHANGES_SHOWN).enumerate() {
            let title = if index == 0 { "changed" } else { "" };
            writeln!(f, "{title:<16}{change}")?;
        }
        if self.changes.len() > CHANGES_SHOWN {
            let rest = self.changes.len() - CHANGES_SHOWN;
            writeln!(f, "{:<16}and {rest} more of that kind", "")?;
        }
        for comparison in &self.comparisons {
            writeln!(f, "{:<16}{comparison}", "compared")?;
        }
        for reason in &self.not_run {
            writeln!(f, "{:<16}{reason}", "not run")?;
        }
        if let Some(video) = &self.video {
            writeln!(f, "{:<16}{video}", "on video")?;
        }
        if let Some(cost) = &self.cost {
            writeln!(f, "{:<16}{cost}", "cost")?;
        }
        Ok(())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::PerFrame => "frames alone",
            Kind::Causal => "causal: equal to the clip network, frame by frame",
            Kind::Local => "local: equal to the clip network over the recording as one long clip",
            Kind::Windowed => "windowed: what saw the whole clip sees the last frames",
            Kind::Clip => "clip: a window is recomputed",
        })
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.is_good() { "within" } else { "BEYOND" };
        write!(
            f,
            "{}: {} rows on {}, by {}; largest difference {:.1e}, relative {:.1e}, {verdict} {:.0e}",
            self.what,
            self.rows,
            self.input,
            self.reference,
            self.largest_difference,
            self.relative_difference,
            self.tolerance
        )?;
        if let Some(rounding) = self.rounding {
            write!(
                f,
                ", which is more than elsewhere: the network answers a change of the frames' last bits \
                 with {rounding:.1e}"
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for OnVideo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} windows of {} frames beside the clip network on them alone: logits differ by {:.2e} \
             at most and {:.2e} on average (logits up to {:.2}), the same first class in {:.0} %",
            self.video,
            self.windows,
            self.frames,
            self.largest_difference,
            self.mean_difference,
            self.largest_logit,
            100.0 * self.agreement
        )
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hop = self.frames_per_answer;
        let (frame, clip) = (1e3 * self.seconds_per_frame, 1e3 * self.seconds_per_clip);
        let million = |multiply_adds: u64| multiply_adds as f64 / 1e6;
        write!(
            f,
            "{:.1} M multiply-adds and {frame:.2} ms a frame (float, one thread); the clip network over \
             its window {:.1} M and {clip:.1} ms, so at hop 1 {:.1} times the multiply-adds and {:.1} \
             times the time",
            million(self.multiply_adds_per_frame),
            million(self.multiply_adds_per_clip),
            self.multiply_adds_per_clip as f64 / self.multiply_adds_per_frame.max(1) as f64,
            clip / frame,
        )?;
        if hop > 1 {
            write!(
                f,
                ", at hop {hop} {:.1} and {:.1} times",
                self.multiply_adds_per_clip as f64
                    / (hop as u64 * self.multiply_adds_per_frame.max(1)) as f64,
                clip / (hop as f64 * frame),
            )?;
        }
        Ok(())
    }
}
