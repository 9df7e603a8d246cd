// Lets two threads write to one map.
use std::collections::HashMap;
use std::thread;

fn main() {
    let mut shared: HashMap<i32, i32> = HashMap::new();
    thread::scope(|scope| {
        scope.spawn(|| shared.insert(1, 1));
        scope.spawn(|| shared.insert(1, 2));
    });
}
