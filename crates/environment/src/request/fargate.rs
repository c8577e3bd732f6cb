//! The pairs of CPU and memory that Fargate has for Linux tasks.
//!
//! Source: Amazon ECS Developer Guide, "Task definition parameters for Fargate", table "Task size".

/// The memory that goes with some CPU, in MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Memory {
    least: u32,
    most: u32,
    step: u32,
}

const GIB: u32 = 1024;

/// CPU units, each with its memory. 256 units go with half a GiB as well as with one and two.
const SIZES: [(u32, Memory); 7] = [
    (256, Memory { least: 512, most: 2 * GIB, step: 0 }),
    (512, Memory { least: GIB, most: 4 * GIB, step: GIB }),
    (1024, Memory { least: 2 * GIB, most: 8 * GIB, step: GIB }),
    (2048, Memory { least: 4 * GIB, most: 16 * GIB, step: GIB }),
    (4096, Memory { least: 8 * GIB, most: 30 * GIB, step: GIB }),
    (8192, Memory { least: 16 * GIB, most: 60 * GIB, step: 4 * GIB }),
    (16384, Memory { least: 32 * GIB, most: 120 * GIB, step: 8 * GIB }),
];

/// The memory that goes with these CPU units; `None` where Fargate has no such CPU.
pub(super) fn memory_for(cpu: u64) -> Option<Memory> {
    SIZES.iter().find(|(units, _)| u64::from(*units) == cpu).map(|(_, memory)| *memory)
}

/// Every number of CPU units, for a sentence.
pub(super) fn cpus() -> String {
    SIZES.map(|(units, _)| units.to_string()).join(", ")
}

impl Memory {
    pub(super) fn includes(self, memory: u64) -> bool {
        let (least, most, step) = (u64::from(self.least), u64::from(self.most), u64::from(self.step));
        let is_on_a_step = match step {
            0 => [least, 2 * least, 4 * least].contains(&memory),
            step => memory.checked_sub(least).is_some_and(|above| above % step == 0),
        };
        is_on_a_step && memory <= most
    }

    /// The memory, for a sentence.
    pub(super) fn words(self) -> String {
        match self.step {
            0 => format!("{}, {} or {} MiB", self.least, 2 * self.least, 4 * self.least),
            step => format!("{} to {} MiB in steps of {step}", self.least, self.most),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(cpu: u64, memory: u64) -> bool {
        memory_for(cpu).is_some_and(|range| range.includes(memory))
    }

    #[test]
    fn the_pairs_are_those_of_the_guide() {
        for (cpu, memory) in [
            (256, 512),
            (256, 1024),
            (256, 2048),
            (512, 1024),
            (512, 4096),
            (1024, 2048),
            (1024, 8192),
            (2048, 16384),
            (4096, 30720),
            (8192, 16384),
            (8192, 61440),
            (16384, 32768),
            (16384, 122_880),
        ] {
            assert!(has(cpu, memory), "{cpu}/{memory}");
        }
        for (cpu, memory) in [
            (256, 768),
            (256, 4096),
            (512, 512),
            (512, 1536),
            (512, 5120),
            (1024, 1024),
            (8192, 17408),
            (16384, 131_072),
            (300, 1024),
            (0, 0),
        ] {
            assert!(!has(cpu, memory), "{cpu}/{memory}");
        }
    }
}
