//! Sealing and opening a whole content in memory, on one core and on several.

use absio_proto::crypto::Secret;
use absio_proto::crypto::merkle::MerkleBuilder;
use absio_proto::crypto::segment::{
    SegmentContext, SegmentDigest, SegmentKind, SegmentOpener, SegmentParameters, SegmentSealer,
};
use absio_proto::model::ContainerId;

/// The content of the benchmarks, 64 MiB.
pub const LENGTH: usize = 64 << 20;

/// One content, with every buffer that sealing and opening it needs.
pub struct Content {
    secret: Secret<32>,
    parameters: SegmentParameters,
    plaintext: Vec<u8>,
    sealed: Vec<u8>,
    leaves: Vec<[u8; 48]>,
}

impl Content {
    /// A content of `length` bytes.
    #[must_use]
    pub fn new(length: usize) -> Self {
        let context = SegmentContext {
            kind: SegmentKind::Content,
            container: ContainerId::from_bytes(crate::bytes(3)),
            epoch: 1,
        };
        let parameters = SegmentParameters::new(context, crate::bytes(4));
        let secret = Secret::new(crate::bytes(5));
        let sealer = SegmentSealer::new(parameters, &secret).expect("the default chunk size is allowed");
        let chunks = sealer.part_chunks(length, true).expect("a last part has any length");
        let sealed = sealer.part_length(length, true).expect("a last part has any length");
        let plaintext = (0..length).map(|position| (position % 251) as u8).collect();
        let mut content =
            Self { secret, parameters, plaintext, sealed: vec![0; sealed], leaves: vec![[0; 48]; chunks] };
        content.seal(1);
        content
    }

    /// Seals all of it on `cores` threads, down to the digest that a manifest signs.
    pub fn seal(&mut self, cores: usize) -> SegmentDigest {
        let sealer = SegmentSealer::new(self.parameters, &self.secret).expect("the chunk size is allowed");
        let tasks = sealer
            .split_part(0, &self.plaintext, true, &mut self.sealed, &mut self.leaves, cores)
            .expect("the buffers fit");
        on_threads(tasks.into_iter().map(|task| || task.run()));
        let mut tree = MerkleBuilder::new();
        tree.extend(&self.leaves);
        SegmentDigest::compute(sealer.header(), self.plaintext.len() as u64, &tree.root())
    }

    /// Opens all of it on `cores` threads, against the signed digest.
    ///
    /// # Panics
    /// If it does not open.
    pub fn open(&mut self, cores: usize, signed: &SegmentDigest) {
        let sealer = SegmentSealer::new(self.parameters, &self.secret).expect("the chunk size is allowed");
        let length = self.plaintext.len() as u64;
        let opener = SegmentOpener::new(*sealer.header(), &self.parameters.context, length, &self.secret)
            .expect("the secret is the segment's");
        let tasks = opener
            .split_part(0, &self.sealed, &mut self.plaintext, &mut self.leaves, cores)
            .expect("the buffers fit");
        on_threads(tasks.into_iter().map(|task| || task.run().expect("the chunks are genuine")));
        let mut tree = MerkleBuilder::new();
        tree.extend(&self.leaves);
        opener.check_digest(&tree, signed).expect("the digest is the sealed one");
    }
}

/// Runs the last piece of work here and each other one on a thread of its own.
fn on_threads<W: FnOnce() + Send>(work: impl Iterator<Item = W>) {
    let mut work: Vec<W> = work.collect();
    let last = work.pop();
    std::thread::scope(|scope| {
        for piece in work {
            scope.spawn(piece);
        }
        if let Some(piece) = last {
            piece();
        }
    });
}
