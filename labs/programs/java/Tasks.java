/** Starts so many threads that wait, says that they are there, and ends when its input ends. */
public class Tasks {
    public static void main(String[] arguments) throws Exception {
        int n = Integer.parseInt(arguments[0]);
        var here = new java.util.concurrent.CountDownLatch(n);
        for (int i = 0; i < n; i++) {
            Thread thread = new Thread(() -> {
                here.countDown();
                try {
                    Thread.sleep(1_000_000);
                } catch (InterruptedException ended) {
                    return;
                }
            });
            thread.setDaemon(true);
            thread.start();
        }
        here.await();
        System.out.println("ready 0 " + n);
        System.in.read();
    }
}
