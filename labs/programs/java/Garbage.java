/** Keeps a tree of so many MiB alive and makes garbage beside it for so many milliseconds;
 *  then asks for a collection, five times. */
public class Garbage {
    static final class Node {
        Node left, right;
        long a, b, c, d, e;
    }

    static Node tree(int nodes) {
        if (nodes == 0) return null;
        int rest = nodes - 1;
        Node node = new Node();
        node.left = tree(rest / 2);
        node.right = tree(rest - rest / 2);
        return node;
    }

    public static void main(String[] arguments) throws Exception {
        int mib = Integer.parseInt(arguments[0]);
        long until = System.nanoTime() + 1_000_000L * Long.parseLong(arguments[1]);
        Node root = tree((mib << 20) / 64);
        Thread[] threads = new Thread[2];
        for (int t = 0; t < threads.length; t++) {
            Node half = t == 0 ? root.left : root.right;
            long first = t;
            threads[t] = new Thread(() -> {
                long seed = first;
                while (System.nanoTime() < until) {
                    Node at = half;
                    for (int i = 0; i < 12 && at.left != null && at.right != null; i++) {
                        seed = seed * 6364136223846793005L + 1442695040888963407L;
                        at = seed >= 0 ? at.left : at.right;
                    }
                    at.left = tree(15);
                }
            });
            threads[t].start();
        }
        for (Thread thread : threads) thread.join();
        for (int i = 0; i < 5; i++) System.gc();
        if (root.left == null) System.out.println(root);
    }
}
