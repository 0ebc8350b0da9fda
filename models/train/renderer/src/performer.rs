//! Somebody who acts: tracks of both arms and of the body, and what was meant by it.

use glam::{Quat, Vec3};

use crate::dice::Dice;
use crate::hand::{HandShape, orient};
use crate::person::Held;
use crate::stage::Stage;
use crate::track::{ArmPose, BodyPose, Gait, Track};

/// The labels, in the order of the network's answers.
pub const LABELS: [&str; 12] = [
    "idle",
    "swipe_left",
    "swipe_right",
    "swipe_up",
    "swipe_down",
    "push",
    "pull",
    "turn_clockwise",
    "turn_counterclockwise",
    "shake",
    "thumb_up",
    "stop",
];

/// A gesture that was made; times in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// Index into [`LABELS`].
    pub label: usize,
    /// When its stroke (or its holding) begins.
    pub start: f32,
    /// When it is clear what it is: it should be named from here.
    pub sure: f32,
    /// When its stroke (or its holding) ends.
    pub end: f32,
}

/// The tracks of a recording while it is written.
pub struct Performer<'a> {
    /// The camera and the person's place.
    pub stage: Stage,
    /// Chance.
    pub dice: &'a mut Dice,
    /// The acting arm, then the other one, both as right arms.
    pub arms: [Track<ArmPose>; 2],
    /// Head and trunk.
    pub body: Track<BodyPose>,
    /// What was meant.
    pub events: Vec<Event>,
    /// When the acting hand holds what.
    pub held: Vec<(f32, f32, Held)>,
    /// The usual speed of this person; 1 is the middle.
    pub pace: f32,
    rest: ArmPose,
}

impl<'a> Performer<'a> {
    /// Somebody at rest.
    pub fn new(dice: &'a mut Dice, stage: Stage) -> Self {
        let rest = resting(dice);
        let other = resting(dice);
        let still = BodyPose {
            head: Vec3::new(
                dice.normal(0.0, 0.15),
                dice.normal(0.05, 0.12),
                dice.normal(0.0, 0.06),
            ),
            lean: Vec3::ZERO,
            turn: dice.normal(0.0, 0.15),
        };
        let pace = dice.scale(0.75, 1.35);
        Self {
            stage,
            dice,
            arms: [Track::new(rest), Track::new(other)],
            body: Track::new(still),
            events: Vec::new(),
            held: Vec::new(),
            pace,
            rest,
        }
    }

    /// The time of the acting arm.
    pub fn now(&self) -> f32 {
        self.arms[0].end()
    }

    /// Where the acting arm is.
    pub fn pose(&self) -> ArmPose {
        self.arms[0].last()
    }

    /// Stands still for some seconds.
    pub fn hold(&mut self, seconds: f32) {
        let until = self.now() + seconds;
        self.arms[0].hold_until(until);
    }

    /// Goes to a pose.
    pub fn go(&mut self, pose: ArmPose, seconds: f32, gait: Gait) {
        self.arms[0].go(pose, seconds, gait);
    }

    /// The place at `(u, v)` in the picture, see [`Stage::spot`].
    pub fn spot(&self, u: f32, v: f32, size: f32) -> Vec3 {
        self.stage.spot(u, v, size)
    }

    /// A hand's size in picture heights as one holds it before a camera.
    pub fn size(&mut self) -> f32 {
        self.dice.scale(0.17, 0.42)
    }

    /// Some way of going, `bow` metres aside.
    pub fn gait(&mut self, bow: f32) -> Gait {
        Gait {
            steepness: self.dice.range(1.4, 2.4),
            skew: self.dice.range(0.75, 1.3),
            bow: self.dice.jitter(bow),
        }
    }

    /// Raises the hand to a pose, from below or from the side.
    pub fn approach(&mut self, to: ArmPose) {
        let far = self.pose().palm.distance(to.palm);
        let seconds = (0.25 + 0.9 * far) * self.dice.range(0.6, 1.3) / self.pace;
        if far > 0.25 && self.dice.chance(0.35) {
            // The hand is slack until it is nearly there.
            let share = self.dice.range(0.5, 0.8);
            let mut via = self.pose();
            via.palm = via.palm.lerp(to.palm, share) + self.dice.jitter(0.04);
            via.turn = via.turn.slerp(to.turn, self.dice.range(0.2, 0.8));
            via.shape = HandShape::SLACK
                .varied(self.dice)
                .lerp(to.shape, self.dice.range(0.0, 0.6));
            let gait = Gait {
                steepness: 1.5,
                skew: 1.0,
                bow: self.dice.jitter(0.03),
            };
            self.go(via, seconds * share, gait);
            let gait = Gait {
                steepness: 1.6,
                ..Gait::SOFT
            };
            self.go(to, seconds * (1.05 - share), gait);
        } else {
            let gait = self.gait(0.03);
            self.go(to, seconds, gait);
        }
    }

    /// Takes the hand down, or aside, and out of the picture.
    pub fn leave(&mut self) {
        if self.dice.chance(0.4) {
            self.rest = resting(self.dice);
        }
        let rest = self.rest;
        let far = self.pose().palm.distance(rest.palm);
        let seconds = (0.25 + 0.8 * far) * self.dice.range(0.6, 1.3) / self.pace;
        let gait = self.gait(0.04);
        let slack = rest.shape;
        if self.dice.chance(0.5) {
            let mut via = self.pose();
            let share = self.dice.range(0.05, 0.3);
            via.palm = via.palm.lerp(rest.palm, share);
            via.turn = via.turn.slerp(rest.turn, self.dice.range(0.1, 0.7));
            via.shape = via.shape.lerp(slack, self.dice.range(0.3, 1.0));
            let first = seconds * (share + 0.15) * self.dice.range(0.7, 1.3);
            self.go(
                via,
                first,
                Gait {
                    steepness: 1.5,
                    ..Gait::SOFT
                },
            );
        }
        self.go(rest, seconds, gait);
    }

    /// Notes a gesture that the acting arm made from `start` until now.
    pub fn note(&mut self, label: usize, start: f32, sure: f32) {
        let end = self.now();
        self.events.push(Event {
            label,
            start,
            sure,
            end,
        });
    }
}

/// A hand on the desk, in the lap or hanging at the side.
fn resting(dice: &mut Dice) -> ArmPose {
    let palm = match dice.below(6) {
        0 => Vec3::new(
            dice.range(-0.5, -0.35),
            dice.range(-0.55, -0.3),
            dice.range(-0.2, 0.05),
        ),
        1 => Vec3::new(
            dice.range(-0.15, 0.05),
            dice.range(-0.36, -0.26),
            dice.range(-0.35, -0.2),
        ),
        _ => Vec3::new(
            dice.range(-0.3, 0.0),
            dice.range(-0.62, -0.42),
            dice.range(-0.4, -0.1),
        ),
    };
    let fingers = Vec3::new(dice.range(0.0, 0.9), dice.normal(-0.2, 0.3), -0.8);
    let turn = orient(fingers, Vec3::new(0.2, -1.0, dice.normal(0.0, 0.4)));
    ArmPose {
        palm,
        turn,
        shape: HandShape::SLACK.varied(dice),
    }
}

/// A small turn, as no hand comes twice the same way.
pub fn wobble(dice: &mut Dice, radians: f32) -> Quat {
    let turn = dice.jitter(radians);
    Quat::from_scaled_axis(turn)
}
