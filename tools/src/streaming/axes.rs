//! What the axes of a clip's tensor stand for.

use tract_core::internal::*;

/// One thing that an axis can stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Atom {
    /// Positions in time.
    Time,
    /// Channels.
    Channels,
    /// Rows of the map.
    Height,
    /// Columns of the map.
    Width,
}

/// How many of each thing there are: the rows of a clip, and the frame `[H, W, C]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extents {
    /// Positions in time.
    pub rows: usize,
    /// Height, width and channels.
    pub frame: [usize; 3],
}

impl Extents {
    pub fn of(&self, atom: Atom) -> usize {
        match atom {
            Atom::Time => self.rows,
            Atom::Height => self.frame[0],
            Atom::Width => self.frame[1],
            Atom::Channels => self.frame[2],
        }
    }

    pub fn product(&self, atoms: &[Atom]) -> usize {
        atoms.iter().map(|atom| self.of(*atom)).product()
    }
}

/// For each axis what it stands for: nothing where it has one place, more than one thing where a
/// reshape put axes together.
///
/// Each thing stands in at most one axis. Of those with more than one place all do, save time where
/// all positions were combined, and a thing of one place may still have its axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Axes(pub TVec<TVec<Atom>>);

impl Axes {
    /// Of the frames that enter: `[T, 3, H, W]` or `[1, 3, T, H, W]`.
    pub fn of_input(rank: usize) -> Option<Axes> {
        use Atom::*;
        let axes = match rank {
            4 => tvec![tvec![Time], tvec![Channels], tvec![Height], tvec![Width]],
            5 => tvec![
                tvec![],
                tvec![Channels],
                tvec![Time],
                tvec![Height],
                tvec![Width]
            ],
            _ => return None,
        };
        Some(Axes(axes))
    }

    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// The axis in which a thing stands.
    pub fn position(&self, atom: Atom) -> Option<usize> {
        self.0.iter().position(|axis| axis.contains(&atom))
    }

    pub fn has(&self, atom: Atom) -> bool {
        self.position(atom).is_some()
    }

    /// Whether an axis stands for this and for nothing else of more than one place.
    pub fn is_alone(&self, axis: usize, atom: Atom, extents: &Extents) -> bool {
        let others = |other: &Atom| *other == atom || extents.of(*other) == 1;
        let axis = &self.0[axis];
        axis.iter().all(others) && (axis.contains(&atom) || extents.of(atom) == 1)
    }

    /// Behind a reordering or regrouping of axes; `None` where one thing would be taken apart.
    pub fn behind(&self, op: &AxisOp, extents: &Extents) -> Option<Axes> {
        let mut axes = self.0.clone();
        match op {
            AxisOp::Add(at) => axes.insert(*at, tvec![]),
            AxisOp::Rm(at) => {
                axes.remove(*at);
            }
            AxisOp::Move(from, to) => {
                let axis = axes.remove(*from);
                axes.insert(*to, axis);
            }
            AxisOp::Reshape(at, from, to) => {
                let atoms: TVec<Atom> = axes[*at..*at + from.len()].concat().into();
                let to: Option<TVec<usize>> = to.iter().map(|dim| dim.to_usize().ok()).collect();
                let groups = regroup(&atoms, &to?, extents)?;
                axes = axes[..*at]
                    .iter()
                    .chain(&groups)
                    .chain(&axes[*at + from.len()..])
                    .cloned()
                    .collect();
            }
        }
        Some(Axes(axes))
    }
}

/// Shares the things that follow each other out to axes of these extents.
fn regroup(atoms: &[Atom], dims: &[usize], extents: &Extents) -> Option<TVec<TVec<Atom>>> {
    let mut atoms = atoms.iter().copied().peekable();
    let mut groups: TVec<TVec<Atom>> = tvec![];
    for &dim in dims {
        let mut group = tvec![];
        let mut product = 1;
        if dim == 1 {
            group.extend(atoms.next_if(|atom| extents.of(*atom) == 1));
        }
        while product < dim {
            let atom = atoms.next()?;
            product *= extents.of(atom);
            group.push(atom);
        }
        if product != dim {
            return None;
        }
        groups.push(group);
    }
    let rest: TVec<Atom> = atoms.collect();
    if rest.iter().any(|atom| extents.of(*atom) != 1) {
        return None;
    }
    if let Some(last) = groups.last_mut() {
        last.extend(rest);
    }
    Some(groups)
}

#[cfg(test)]
mod tests {
    use super::Atom::*;
    use super::*;

    const EXTENTS: Extents = Extents {
        rows: 4,
        frame: [6, 7, 8],
    };

    fn reshape(at: usize, from: &[usize], to: &[usize]) -> AxisOp {
        let dims = |dims: &[usize]| dims.iter().map(|dim| dim.to_dim()).collect();
        AxisOp::Reshape(at, dims(from), dims(to))
    }

    #[test]
    fn places_are_put_together_and_taken_apart_again() {
        let axes = Axes::of_input(5).unwrap();
        let flat = axes
            .behind(&reshape(2, &[4, 6, 7], &[168]), &EXTENTS)
            .unwrap();
        assert_eq!(flat.0[2].as_slice(), [Time, Height, Width]);
        let back = flat
            .behind(&reshape(2, &[168], &[4, 42]), &EXTENTS)
            .unwrap();
        assert_eq!(back.0[3].as_slice(), [Height, Width]);
    }

    #[test]
    fn channels_are_not_taken_apart() {
        let axes = Axes::of_input(4).unwrap();
        assert_eq!(axes.behind(&reshape(1, &[8], &[2, 4]), &EXTENTS), None);
    }

    #[test]
    fn the_only_position_in_time_keeps_its_axis() {
        let extents = Extents {
            rows: 1,
            frame: [1, 1, 8],
        };
        let axes = Axes(tvec![tvec![Time], tvec![Channels], tvec![], tvec![]]);
        let flat = axes.behind(&reshape(0, &[1, 8, 1, 1], &[1, 8]), &extents);
        assert_eq!(flat.unwrap().0, [tvec![Time], tvec![Channels]].into());
    }
}
