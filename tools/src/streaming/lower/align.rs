//! Streams that meet: which row of one goes with which row of another.

use praxiscope_runtime::step::StepOp;
use tract_core::internal::*;

use super::stream::{Picked, Rows, Stream};
use super::{Lowered, Lowering, Slide, Stop, refuse};
use crate::streaming::Change;

impl Lowering<'_> {
    /// Makes the streams go row by row. Gives a stream of the rows that they have together, whose wire,
    /// frame and axes are the first one's, and their wires.
    ///
    /// Where a value for the whole clip meets rows, it has become one for the last rows: a change.
    pub(super) fn align(
        &mut self,
        name: &str,
        streams: &[Stream],
    ) -> Lowered<(Stream, TVec<OutletId>)> {
        let mut wires = tvec![];
        for stream in streams {
            wires.push(self.compute(stream)?);
        }
        let longest = streams.iter().filter(|stream| stream.has_time());
        let longest = longest.max_by_key(|stream| stream.rows.native).cloned();
        let mut together = Stream {
            pending: None,
            repeated: streams.iter().all(|stream| stream.repeated),
            whole: streams.iter().find_map(|stream| stream.whole),
            spread: streams.iter().find_map(|stream| stream.spread),
            picked: streams
                .iter()
                .find_map(|stream| stream.picked)
                .map(Picked::met),
            ..streams[0].clone()
        };
        match longest {
            Some(longest) => {
                for stream in streams {
                    self.beside_rows(stream, &longest)?;
                }
                together.rows = longest.rows;
                together.slides = tvec![];
            }
            None => {
                together.rows = self.beside_each_other(name, streams, &mut wires)?;
                let mut slides: TVec<usize> =
                    streams.iter().flat_map(|s| s.slides.clone()).collect();
                slides.sort_unstable();
                slides.dedup();
                together.slides = slides;
            }
        }
        Ok((together, wires))
    }

    /// Whether a stream has a row for each of another.
    fn beside_rows(&mut self, stream: &Stream, longest: &Stream) -> Lowered<()> {
        let rows = longest.rows;
        if stream.rows != rows || (!stream.has_time() && stream.slides.is_empty()) {
            let whole = |stream: &Stream| stream.whole.filter(|_| stream.rows.native == 1);
            if let Some(pool) = whole(stream).or(whole(longest)) {
                return Err(Stop::Otherwise(pool));
            }
            if let Some(picked) = stream.spread.or(longest.spread) {
                return Err(Stop::Otherwise(picked));
            }
            refuse!(
                "rows of other moments meet: {} of every {} frames, and {} of every {}",
                rows.native,
                rows.stride,
                stream.rows.native,
                stream.rows.stride
            );
        }
        if !stream.has_time() {
            for slide in stream.slides.clone() {
                let Slide { node, what, rows } = self.slides[&slide].clone();
                let what = format!(
                    "the {what} over the clip is one over the last {}, for each of them",
                    counted(rows)
                );
                self.change(self.clip.node(node).name.clone(), what);
            }
        }
        Ok(())
    }

    /// One value for the clip of each stream, each after its own rows: those that the same clip gives
    /// go together.
    fn beside_each_other(
        &mut self,
        name: &str,
        streams: &[Stream],
        wires: &mut TVec<OutletId>,
    ) -> Lowered<Rows> {
        let rows: Vec<Rows> = streams.iter().map(|stream| stream.rows).collect();
        let Some((pairs, rows)) = pairs(&rows) else {
            refuse!("values of rows meet that do not go together: {rows:?}");
        };
        for ((every, first), wire) in pairs.into_iter().zip(wires.iter_mut()) {
            if (every, first) != (1, 0) {
                let op = StepOp::Sample { every, first };
                *wire = self.emit(&format!("{name}.beside"), op, &[*wire])?.0;
            }
        }
        Ok(rows)
    }

    pub(super) fn change(&mut self, node: String, what: String) {
        let change = Change { node, what };
        if !self.changes.contains(&change) {
            self.changes.push(change);
        }
    }
}

/// Of values for the clip that meet, after which of its rows each is taken, (every, first), and the
/// rows that they have together; `None` where they never go together.
pub(in crate::streaming) fn pairs(rows: &[Rows]) -> Option<(Vec<(usize, usize)>, Rows)> {
    let spacing = |rows: &Rows| rows.stride / rows.dilation;
    // The program's row that a clip alone gives.
    let answer = |rows: &Rows| ((rows.native - 1) * rows.dilation) as isize;
    let slowest = *rows.iter().max_by_key(|rows| (rows.stride, rows.native))?;
    let mut firsts = vec![];
    for rows in rows {
        if !spacing(&slowest).is_multiple_of(spacing(rows)) {
            return None;
        }
        let every = spacing(&slowest) / spacing(rows);
        firsts.push((every, answer(rows) - every as isize * answer(&slowest)));
    }
    let late = |(every, first): &(usize, isize)| ((-first).max(0) as usize).div_ceil(*every);
    let late = firsts.iter().map(late).max()?;
    if late > 0 && slowest.dilation > 1 {
        return None;
    }
    let pairs = firsts
        .into_iter()
        .map(|(every, first)| (every, (first + (late * every) as isize) as usize));
    let together = Rows {
        native: slowest.native - late.min(slowest.native - 1),
        ..slowest
    };
    Some((pairs.collect(), together))
}

/// Rows in words.
pub(super) fn counted(rows: Rows) -> String {
    match rows.stride {
        1 => format!("{} frames", rows.native),
        stride => format!("{} rows, one of every {stride} frames", rows.native),
    }
}
