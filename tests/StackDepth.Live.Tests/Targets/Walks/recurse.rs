// Stacks of Rust: recursion, closures behind a trait object, the panic hook, and destructors while a panic unwinds. walk.c is linked in.
use std::ffi::{c_char, c_int, CString};
use std::panic;
use std::sync::atomic::{AtomicI32, Ordering};

extern "C" {
    fn walk_open(report: *const c_char, leaf: *const c_char);
    fn walk_record(tag: *const c_char, relative: c_int);
    static walk_leaf: extern "C" fn();
}

// std::hint::black_box is younger than the compilers that distributions have.
#[inline(always)]
fn opaque<T: Copy>(value: T) -> T {
    unsafe { std::ptr::read_volatile(&value) }
}

static LEVEL: AtomicI32 = AtomicI32::new(0);

macro_rules! visit {
    ($tag:literal, $relative:expr, $level:expr, $depth:expr) => {
        if $level <= 8 || $level == $depth || $level % ($depth / 16 + 1) == 0 {
            unsafe {
                walk_record(concat!($tag, "\0").as_ptr() as *const c_char, $relative);
                walk_leaf();
            }
        }
    };
}

#[inline(never)]
fn plain(level: i32, depth: i32) -> i32 {
    visit!("main", level, level, depth);
    let sum = if level < depth { opaque(plain as fn(i32, i32) -> i32)(level + 1, depth) } else { 0 };
    opaque(sum + level)
}

fn closure(depth: i32) {
    struct Call(Box<dyn Fn(&Call, i32) -> i32>);
    let call = Call(Box::new(move |next, level| {
        visit!("closure", level, level, depth);
        let sum = if level < depth { (opaque(next).0)(next, level + 1) } else { 0 };
        opaque(sum + level)
    }));
    (opaque(&call).0)(&call, 1);
}

struct Guard(i32, i32);

impl Drop for Guard {
    #[inline(never)]
    fn drop(&mut self) {
        visit!("drop", self.0, self.0, self.1);
    }
}

#[inline(never)]
fn panicking(level: i32, depth: i32) -> i32 {
    let _guard = Guard(level, depth);
    if level == depth {
        LEVEL.store(level, Ordering::Relaxed);
        panic!("as wanted");
    }
    opaque(opaque(panicking as fn(i32, i32) -> i32)(level + 1, depth) + level)
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let (depth, repeats): (i32, i32) = (arguments[2].parse().unwrap(), arguments[3].parse().unwrap());
    let (report, leaf) = (CString::new(&*arguments[4]).unwrap(), CString::new(&*arguments[5]).unwrap());
    unsafe { walk_open(report.as_ptr(), leaf.as_ptr()) };
    panic::set_hook(Box::new(|_| {
        let level = LEVEL.load(Ordering::Relaxed);
        visit!("hook", level, level, level);
    }));
    for _ in 0..repeats {
        match &*arguments[1] {
            "plain" => {
                opaque(plain(1, depth));
            }
            "closure" => closure(depth),
            "panic" => {
                let caught = panic::catch_unwind(|| panicking(1, depth));
                assert!(caught.is_err());
            }
            other => std::process::exit(other.len() as i32 + 2),
        }
    }
}
