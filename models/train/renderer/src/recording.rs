//! A recording: somebody in a room before a webcam, frame by frame at the model's rate, with truth.

use glam::{Quat, Vec2, Vec3};

use crate::assembly::Assembly;
use crate::dice::Dice;
use crate::fidget::fidget_body;
use crate::gestures::gesture;
use crate::idle::idle;
use crate::noise::noise;
use crate::performer::{Event, LABELS, Performer};
use crate::person::{Held, Moment, Person};
use crate::raster::{Picture, Raster};
use crate::room::room;
use crate::sensor::{HEIGHT, Sensor, WIDTH};
use crate::shade::Lighting;
use crate::stage::Stage;
use crate::track::{ArmPose, BodyPose, Track};

/// The model's frames a second.
pub const RATE: f32 = 12.0;
/// Numbers of truth a frame, see [`Recording::truth`].
pub const TRUTH: usize = 10;
/// Pixels around the room's picture, for a camera that shakes.
const MARGIN: usize = 8;

/// What to render.
#[derive(Clone, Copy)]
pub struct Order {
    /// The seed of all recordings.
    pub seed: u64,
    /// Frames of one recording.
    pub frames: usize,
    /// The share of acts that are gestures.
    pub gestures: f32,
    /// Settings held back from training: other hands, bodies and rooms.
    pub held_back: bool,
    /// Every gesture is this one, if any.
    pub only: Option<usize>,
}

/// Everything about one recording.
pub struct Recording {
    stage: Stage,
    person: Option<Person>,
    passer: Option<(Person, Walk)>,
    arms: [Track<ArmPose>; 2],
    body: Track<BodyPose>,
    held: Vec<(f32, f32, Held)>,
    talks: f32,
    seed: Vec3,
    shake: f32,
    shutter: f32,
    fps: f32,
    phase: f32,
    lines: usize,
    lighting: Lighting,
    background: Picture,
    sensor: Sensor,
    start: f32,
    frames: usize,
    /// What was meant, in seconds of the act (the first frame is at `start`).
    pub events: Vec<Event>,
}

struct Walk {
    from: Vec3,
    speed: Vec3,
    arms: ArmPose,
}

impl Recording {
    /// The recording of a number.
    pub fn new(order: &Order, index: u64) -> Self {
        let mut dice = Dice::new(order.seed, index);
        let stage = Stage::new(&mut dice);
        let seconds = order.frames as f32 / RATE;
        let start = dice.range(0.0, 2.5);
        let end = start + seconds + 0.5;

        let mut acting = dice.fork();
        let mut performer = Performer::new(&mut acting, stage);
        let pause = performer.dice.range(0.1, 1.0);
        performer.hold(pause);
        while performer.now() < end {
            if performer.dice.chance(order.gestures) {
                let label = 1 + performer.dice.below(LABELS.len() - 1);
                gesture(&mut performer, order.only.unwrap_or(label));
                if performer.dice.chance(0.6) {
                    let pause = performer.dice.range(0.1, 1.2);
                    performer.hold(pause);
                }
            } else {
                idle(&mut performer);
            }
        }
        let Performer {
            arms,
            mut body,
            events,
            held,
            ..
        } = performer;
        fidget_body(&mut acting, &mut body, end);

        let mut looks = dice.fork();
        let person = looks
            .chance(0.97)
            .then(|| Person::new(&mut looks, stage.shoulder, order.held_back));
        let events = if person.is_some() { events } else { Vec::new() };
        let passer = looks
            .chance(0.08)
            .then(|| passer(&mut looks, order.held_back));
        let lighting = Lighting::new(&mut looks);
        let lines = 96 + looks.below(33);
        let background = room(&mut looks, lines * 4 / 3, lines, MARGIN, order.held_back);
        let light = {
            // The exposure is right for a face before this room.
            let room = background.pixels.iter().sum::<Vec3>() / background.pixels.len() as f32;
            let facing = Vec3::new(0.0, 0.2, -1.0).normalize();
            let face = lighting.falls(Vec3::Z, facing, 0.3, &[]) * 0.3;
            let share = looks.range(0.3, 0.8);
            (face * share + room * (1.0 - share)).element_sum() / 3.0
        };
        let fps: f32 = dice.pick(&[12.0, 15.0, 24.0, 25.0, 30.0, 30.0]);
        Self {
            stage,
            person,
            passer,
            arms,
            body,
            held,
            talks: if dice.chance(0.4) {
                dice.range(0.3, 1.0)
            } else {
                0.0
            },
            seed: dice.jitter(40.0),
            shake: if dice.chance(0.25) {
                dice.scale(0.1, 1.5)
            } else {
                0.0
            },
            shutter: (1.0 / fps).min(dice.scale(0.004, 0.06)),
            fps,
            phase: dice.range(0.0, 1.0 / fps),
            lines,
            lighting,
            background,
            sensor: Sensor::new(&mut dice, light),
            start,
            frames: order.frames,
            events,
        }
    }

    /// The time of the camera's frame nearest to the model's tick.
    fn tick(&self, frame: usize) -> f32 {
        let tick = self.start + frame as f32 / RATE;
        ((tick - self.phase) * self.fps).round() / self.fps + self.phase
    }

    /// All frames (RGB, 96 rows of 128) and, for each, [`TRUTH`] numbers: the label of the nearest
    /// event; seconds from this frame to its start, to when it is sure, and to its end; the acting
    /// palm's place in the picture (heights from the centre, right and up), 1 when it is in the
    /// picture, its velocity to the right, up and away in picture heights (metres for the last) a
    /// second.
    pub fn render(mut self) -> (Vec<u8>, Vec<f32>) {
        let (width, height) = (self.lines * 4 / 3, self.lines);
        let mut raster = Raster::new(width, height, self.stage.focal);
        let mut bytes = Vec::with_capacity(self.frames * WIDTH * HEIGHT * 3);
        let mut truth = Vec::with_capacity(self.frames * TRUTH);
        for frame in 0..self.frames {
            let time = self.tick(frame);
            let mut sum = Picture::new(width, height);
            let steps = self.steps(time);
            for step in 0..steps {
                let share = (step as f32 + 0.5) / steps as f32;
                let moment = time + self.shutter * (share - 0.5);
                let assembly = self.assemble(moment);
                let jitter = Vec2::new((share * 2.0).fract(), (share * 3.0).fract()) - 0.5;
                let shift = jitter * 0.7 + self.shake_at(moment) * self.shake;
                let scene = (&self.background, MARGIN as f32);
                let weight = 1.0 / steps as f32;
                raster.add(&assembly, &self.lighting, scene, shift, weight, &mut sum);
            }
            self.sensor.expose(&mut sum, time, &mut bytes);
            truth.extend(self.truth(time));
        }
        (bytes, truth)
    }

    fn shake_at(&self, time: f32) -> Vec2 {
        let at = self.seed + Vec3::X * (time * 5.0);
        Vec2::new(noise(at), noise(at + Vec3::Y * 9.5)) * 2.0
    }

    /// Sub-frames: more for a hand that moves far while the shutter is open.
    fn steps(&self, time: f32) -> usize {
        let seen = |arm: usize, time: f32| {
            let side = if arm == 0 {
                self.stage.side
            } else {
                -self.stage.side
            };
            self.stage
                .picture(self.stage.to_camera(self.arms[arm].at(time).palm, side))
        };
        let far = (0..2)
            .map(|arm| seen(arm, time + self.shutter / 2.0) - seen(arm, time - self.shutter / 2.0))
            .map(|way| way.length() * self.lines as f32)
            .fold(0.0, f32::max);
        (2.5 + far / 1.7).min(9.0) as usize
    }

    fn assemble(&self, time: f32) -> Assembly {
        let mut out = Assembly::default();
        let frame = Quat::from_rotation_x(self.stage.pitch);
        if let Some(person) = &self.person {
            let acting = usize::from(self.stage.side < 0.0);
            let tremor = |offset: f32| {
                let at = self.seed + Vec3::new(time * 3.0, offset, 0.0);
                Vec3::new(
                    noise(at),
                    noise(at + Vec3::Y * 3.3),
                    noise(at + Vec3::Z * 5.1),
                ) * 0.004
            };
            let mut poses = [self.arms[0].at(time), self.arms[1].at(time)];
            for (pose, offset) in poses.iter_mut().zip([0.0, 11.0]) {
                pose.palm += tremor(offset);
            }
            poses.rotate_left(acting);
            let mut body = self.body.at(time);
            body.head += tremor(20.0) * 8.0;
            body.lean += tremor(30.0);
            let speech = noise(self.seed + Vec3::new(time * 9.0, 40.0, 0.0));
            let mood = noise(self.seed + Vec3::new(time * 0.7, 50.0, 0.0));
            let mouth = if mood > 0.0 {
                self.talks * speech.max(0.0)
            } else {
                0.0
            };
            let blink = noise(self.seed + Vec3::new(time * 2.5, 60.0, 0.0)) > 0.75;
            let held = self.held.iter().find(|h| (h.0..h.1).contains(&time));
            let moment = Moment {
                arms: poses,
                body,
                mouth: mouth.min(1.0),
                eyes: if blink { 0.1 } else { 1.0 },
                held: held.map(|h| (acting, h.2)),
            };
            person.assemble(&moment, self.stage.base, frame, &mut out);
        }
        if let Some((person, walk)) = &self.passer {
            let place = walk.from + walk.speed * (time - self.start);
            let body = BodyPose {
                head: Vec3::ZERO,
                lean: Vec3::ZERO,
                turn: walk.speed.x.signum() * 1.2,
            };
            let arms = [walk.arms; 2];
            let moment = Moment {
                arms,
                body,
                mouth: 0.0,
                eyes: 1.0,
                held: None,
            };
            if place.x.abs() < 1.2 * place.z {
                person.assemble(&moment, place, frame, &mut out);
            }
        }
        out
    }

    fn truth(&self, time: f32) -> [f32; TRUTH] {
        let far = |event: &Event| (event.start - time).max(time - event.end).max(0.0);
        let nearest = self.events.iter().min_by(|a, b| far(a).total_cmp(&far(b)));
        let place = |time: f32| {
            self.stage
                .to_camera(self.arms[0].at(time).palm, self.stage.side)
        };
        let (before, now, after) = (place(time - 0.04), place(time), place(time + 0.04));
        let seen = self.stage.picture(now);
        let speed = (self.stage.picture(after) - self.stage.picture(before)) / 0.08;
        let inside = seen.y.abs() < 0.52 && seen.x.abs() < 0.68 && self.person.is_some();
        let event = nearest.map_or([0.0, 99.0, 99.0, 99.0], |event| {
            [
                event.label as f32,
                event.start - time,
                event.sure - time,
                event.end - time,
            ]
        });
        let away = (after.z - before.z) / 0.08;
        let [label, start, sure, end] = event;
        let there = if inside { 1.0 } else { 0.0 };
        [
            label, start, sure, end, seen.x, seen.y, there, speed.x, speed.y, away,
        ]
    }
}

/// Somebody who walks by, or sits or stands behind.
fn passer(dice: &mut Dice, held_back: bool) -> (Person, Walk) {
    let side = dice.sign();
    let away = dice.range(1.4, 3.0);
    let still = dice.chance(0.4);
    let from = Vec3::new(
        -side * away * dice.range(0.2, 0.8),
        dice.range(-0.15, 0.35),
        away,
    );
    let speed = if still {
        0.0
    } else {
        side * dice.range(0.3, 1.2)
    };
    let person = Person::new(dice, 0.175, held_back);
    let turn = crate::hand::orient(Vec3::NEG_Y, Vec3::X);
    let shape = crate::hand::HandShape::SLACK;
    let arms = ArmPose {
        palm: Vec3::new(-0.22, -0.5, 0.0),
        turn,
        shape,
    };
    (
        person,
        Walk {
            from,
            speed: Vec3::X * speed,
            arms,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(gestures: f32, only: Option<usize>) -> Order {
        Order {
            seed: 9,
            frames: 3,
            gestures,
            held_back: false,
            only,
        }
    }

    #[test]
    fn a_recording_is_the_same_every_time_and_unlike_its_neighbour() {
        let render = |index| Recording::new(&order(0.7, None), index).render();
        let (frames, truth) = render(4);
        assert_eq!(frames.len(), 3 * WIDTH * HEIGHT * 3);
        assert_eq!(truth.len(), 3 * TRUTH);
        assert_eq!((frames.clone(), truth), render(4));
        assert_ne!(frames, render(5).0);
    }

    #[test]
    fn swipes_move_the_palm_to_the_persons_side() {
        // The person's left is on the right of the picture.
        for (label, sign) in [(1, 1.0), (2, -1.0)] {
            for index in 0..20 {
                let recording = Recording::new(&order(1.0, Some(label)), index);
                for event in &recording.events {
                    let seen = |time| {
                        let palm = recording.arms[0].at(time).palm;
                        let stage = recording.stage;
                        stage.picture(stage.to_camera(palm, stage.side))
                    };
                    let way = seen(event.end) - seen(event.start);
                    assert!(way.x * sign > 0.15, "{index} {way}");
                }
            }
        }
    }

    #[test]
    fn turns_go_round_as_the_person_sees_it() {
        // Seen from the camera, the person's clockwise runs the other way: thumb against fingers.
        for (label, sign) in [(7, 1.0), (8, -1.0)] {
            let mut sense = 0.0;
            for index in 0..40 {
                let recording = Recording::new(&order(1.0, Some(label)), index);
                for event in &recording.events {
                    let thumb = |time| {
                        let turn = recording.arms[0].at(time).turn * Vec3::X;
                        Vec2::new(turn.x * recording.stage.side, turn.y)
                    };
                    // Half-way through what it takes to be sure; a repeated turn goes back later.
                    let middle = event.start + (event.sure - event.start) * 0.5;
                    let way = thumb(middle - 0.05).perp_dot(thumb(middle + 0.05));
                    sense += way.signum();
                }
            }
            assert!(sense * sign > 10.0, "{label} {sense}");
        }
    }
}
